using System.Runtime.InteropServices;

namespace Taishang.VectorEngine.Storage;

/// <summary>What a row carries beside its vector. Metadata lies in a chunk of <see cref="MetadataHeap"/>.</summary>
[StructLayout(LayoutKind.Auto)]
internal struct RowInfo
{
    public string Id;
    public bool IsInteger;

    /// <summary>UTC ticks from which on the row is gone; <see cref="Never"/> when it stays.</summary>
    public long ExpiresAtTicks;

    public ReadOnlyMemory<byte> Metadata;

    public const long Never = long.MaxValue;
}
