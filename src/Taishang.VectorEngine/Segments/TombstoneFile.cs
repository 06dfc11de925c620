using System.Runtime.InteropServices;
using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Segments;

/// <summary>Which sealed rows were dead at a seal: a row count and one bit a row.</summary>
internal static class TombstoneFile
{
    public static void Save(IStorageDevice device, string path, RowBitmap dead)
    {
        using var writer = new BlockFileWriter(device, path, FileKinds.Tombstones);
        writer.Write(dead.Rows);
        writer.Write(MemoryMarshal.AsBytes(dead.Words.AsSpan()));
        writer.Commit();
    }

    public static RowBitmap Load(IStorageDevice device, string path, int rows)
    {
        using var reader = new BlockFileReader(device, path, FileKinds.Tombstones);
        var count = reader.Read<int>();
        if (count < 0 || count > rows)
            throw reader.Corrupt($"bits of {count} rows, expected at most {rows}");

        var dead = new RowBitmap(count);
        reader.Read(MemoryMarshal.AsBytes(dead.Words.AsSpan()));
        return dead;
    }
}
