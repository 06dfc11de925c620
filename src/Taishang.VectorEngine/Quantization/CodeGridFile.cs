using System.Runtime.InteropServices;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Quantization;

/// <summary>A grid inside a file: its dimensions, 0 for none; the step; the offsets.</summary>
internal static class CodeGridFile
{
    public static void Write(BlockFileWriter writer, CodeGrid? grid)
    {
        writer.Write(grid?.Offsets.Length ?? 0);
        if (grid is null)
            return;

        writer.Write(grid.Step);
        writer.Write(MemoryMarshal.AsBytes(grid.Offsets));
    }

    public static CodeGrid? Read(BlockFileReader reader, DistanceMetric metric, int dimensions)
    {
        var length = reader.Read<int>();
        if (length == 0)
            return null;

        if (length != dimensions)
            throw reader.Corrupt($"a grid of {length} dimensions, expected {dimensions}");

        var step = reader.Read<float>();
        var offsets = new float[length];
        reader.Read(MemoryMarshal.AsBytes(offsets.AsSpan()));
        if (!float.IsNormal(step) || step < 0)
            throw reader.Corrupt($"a grid with a step of {step}");

        return new CodeGrid(metric, offsets, step);
    }
}
