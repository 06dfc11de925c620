namespace Taishang.VectorEngine.Storage;

/// <summary>
/// Metadata of rows, copied into large shared arrays: hundreds of thousands of small arrays would keep the garbage
/// collector busy. Answers hand out slices; a slice keeps its chunk alive by itself. One writer.
/// </summary>
internal sealed class MetadataHeap
{
    private const int ChunkBytes = 256 << 10;

    private byte[] _chunk = [];
    private int _used;

    public long Bytes { get; private set; }

    public ReadOnlyMemory<byte> Store(ReadOnlySpan<byte> json)
    {
        if (json.IsEmpty)
            return default;

        if (json.Length > ChunkBytes / 4)
        {
            Bytes += json.Length;
            return json.ToArray();
        }

        if (_chunk.Length - _used < json.Length)
        {
            _chunk = GC.AllocateUninitializedArray<byte>(ChunkBytes);
            _used = 0;
            Bytes += ChunkBytes;
        }

        json.CopyTo(_chunk.AsSpan(_used));
        var stored = new ReadOnlyMemory<byte>(_chunk, _used, json.Length);
        _used += json.Length;
        return stored;
    }
}
