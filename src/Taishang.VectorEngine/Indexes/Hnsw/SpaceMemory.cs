using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes.Hnsw;

/// <summary>
/// The arrays in which a walk gathers nodes and scores them. Kept with the walker: on the stack they would be cleared
/// for each expanded node. One thread at a time.
/// </summary>
internal sealed unsafe class SpaceMemory : IDisposable
{
    /// <summary>Nodes scored at once at most; the widest list and its spare places fit (see
    /// <see cref="Limits.ConnectivityMax"/>).</summary>
    public const int BatchNodes = RowScorer.BatchRows;

    private readonly NativeBlock _block = new(
        BatchNodes * (nuint)(4 * sizeof(int) + sizeof(float) + sizeof(byte*)), hugePages: false);
    private NativeBlock? _code;
    private NativeBlock? _units;

    /// <summary>Addresses of codes.</summary>
    public byte** Addresses => (byte**)_block.Pointer;

    /// <summary>Whole-number products.</summary>
    public int* Sums => (int*)(Addresses + BatchNodes);

    public int* Nodes => Sums + BatchNodes;

    public float* Distances => (float*)(Nodes + BatchNodes);

    /// <summary>A list that was taken out of its words.</summary>
    public int* Links => (int*)(Distances + BatchNodes);

    /// <summary>And that of one of its nodes.</summary>
    public int* LinksBehind => Links + BatchNodes;

    /// <summary>Room for the code of one query.</summary>
    public sbyte* Code(int bytes) => (sbyte*)Room(ref _code, (nuint)bytes);

    /// <summary>Room for one query as a <see cref="Quantization.RemainderPlane"/> takes it.</summary>
    public float* Units(int floats) => (float*)Room(ref _units, (nuint)floats * sizeof(float));

    private static byte* Room(ref NativeBlock? block, nuint bytes)
    {
        if (block is null || block.Bytes < bytes)
        {
            block?.Dispose();
            block = new NativeBlock(bytes, hugePages: false);
        }

        return block.Pointer;
    }

    public void Dispose()
    {
        _units?.Dispose();
        _block.Dispose();
        _code?.Dispose();
    }
}
