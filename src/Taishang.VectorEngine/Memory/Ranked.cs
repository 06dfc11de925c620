using System.Runtime.CompilerServices;

namespace Taishang.VectorEngine.Memory;

/// <summary>
/// A node and its distance packed into one sortable number: the distance in the upper half in an order-preserving form,
/// the node below it (so that equal distances have one order), and a flag in the lowest bit.
/// </summary>
internal static class Ranked
{
    public const ulong Flag = 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Pack(float distance, int node)
    {
        var bits = BitConverter.SingleToUInt32Bits(distance);

        // Negative floats sort backwards as integers: turn all their bits; positive ones only move above them.
        var ordered = bits ^ ((uint)((int)bits >> 31) | 0x8000_0000u);
        return ((ulong)ordered << 32) | ((uint)node << 1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Node(ulong ranked) => (int)((uint)ranked >> 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Distance(ulong ranked)
    {
        var ordered = (uint)(ranked >> 32);
        var bits = ordered ^ (~(uint)((int)ordered >> 31) | 0x8000_0000u);
        return BitConverter.UInt32BitsToSingle(bits);
    }
}
