using System.Runtime.InteropServices;
using Taishang.VectorEngine.Distances;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Quantization;

/// <summary>A grid inside a file: its dimensions, 0 for none; its form; the offsets; then the step, or of signs the
/// widths.</summary>
internal static class CodeGridFile
{
    public static void Write(BlockFileWriter writer, CodeGrid? grid)
    {
        writer.Write(grid?.Dimensions ?? 0);
        if (grid is null)
            return;

        writer.Write((int)grid.Form);
        writer.Write(MemoryMarshal.AsBytes(grid.Offsets));
        if (grid is SignGrid signs)
            writer.Write(MemoryMarshal.AsBytes(signs.Widths));
        else
            writer.Write(((LevelGrid)grid).Step);
    }

    public static CodeGrid? Read(BlockFileReader reader, DistanceMetric metric, int dimensions)
    {
        var length = reader.Read<int>();
        if (length == 0)
            return null;

        if (length != dimensions)
            throw reader.Corrupt($"a grid of {length} dimensions, expected {dimensions}");

        var form = (CodeForm)reader.Read<int>();
        if (!Enum.IsDefined(form))
            throw reader.Corrupt($"a grid of {(int)form} bits");

        var offsets = ReadFloats(reader, length);
        if (form == CodeForm.One)
        {
            var widths = ReadFloats(reader, length);
            if (widths.Any(width => !float.IsFinite(width) || width < 0) || !float.IsNormal(widths.Max()))
                throw reader.Corrupt("a grid of signs whose widths make no sense");

            return new SignGrid(metric, offsets, widths);
        }

        var step = reader.Read<float>();
        if (!float.IsNormal(step) || step < 0)
            throw reader.Corrupt($"a grid with a step of {step}");

        return new LevelGrid(metric, form, offsets, step);
    }

    private static float[] ReadFloats(BlockFileReader reader, int count)
    {
        var floats = new float[count];
        reader.Read(MemoryMarshal.AsBytes(floats.AsSpan()));
        return floats;
    }
}
