using System.Runtime.InteropServices;

namespace Taishang.Bench.Peers;

/// <summary>Vectors as benchmarks of this field exchange them (.fbin): rows and dimensions as int32, then float32, all
/// little-endian. Ids of the nearest (.ibin) the same with int32.</summary>
internal static class VectorFile
{
    public static void Write(string path, float[][] rows)
    {
        using var file = File.Create(path);
        file.Write(MemoryMarshal.AsBytes<int>([rows.Length, rows[0].Length]));
        foreach (var row in rows)
            file.Write(MemoryMarshal.AsBytes<float>(row));
    }

    public static void Write(string path, int[][] rows)
    {
        using var file = File.Create(path);
        file.Write(MemoryMarshal.AsBytes<int>([rows.Length, rows[0].Length]));
        foreach (var row in rows)
            file.Write(MemoryMarshal.AsBytes<int>(row));
    }

    public static float[][] Read(string path)
    {
        using var file = File.OpenRead(path);
        var rows = new float[ReadHeader(file, out var dimensions)][];
        for (var row = 0; row < rows.Length; row++)
        {
            rows[row] = new float[dimensions];
            file.ReadExactly(MemoryMarshal.AsBytes(rows[row].AsSpan()));
        }

        return rows;
    }

    public static int[][] ReadIds(string path)
    {
        using var file = File.OpenRead(path);
        var rows = new int[ReadHeader(file, out var count)][];
        for (var row = 0; row < rows.Length; row++)
        {
            rows[row] = new int[count];
            file.ReadExactly(MemoryMarshal.AsBytes(rows[row].AsSpan()));
        }

        return rows;
    }

    /// <summary>Rows and dimensions alone.</summary>
    public static (int Rows, int Dimensions) ReadShape(string path)
    {
        using var file = File.OpenRead(path);
        var rows = ReadHeader(file, out var dimensions);
        return (rows, dimensions);
    }

    private static int ReadHeader(FileStream file, out int dimensions)
    {
        Span<int> header = stackalloc int[2];
        file.ReadExactly(MemoryMarshal.AsBytes(header));
        dimensions = header[1];
        return header[0];
    }
}
