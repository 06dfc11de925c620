using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Quantization;

/// <summary>Remainders inside a file: how many outliers, these, then of each row its first outlier and its remainders.
/// </summary>
internal static class RemainderFile
{
    private const int RowsBetweenChecks = 4096;

    public static void Write(
        BlockFileWriter writer, RemainderPlane plane, int rows, CancellationToken cancellation)
    {
        writer.Write(plane.OutlierCount);
        for (var number = 0; number < plane.OutlierCount; number++)
            writer.Write(plane.OutlierBytes(number));

        for (var row = 0; row < rows; row++)
        {
            if (row % RowsBetweenChecks == 0)
                cancellation.ThrowIfCancellationRequested();

            writer.Write(plane.FirstOutlier(row));
            writer.Write(plane.Bytes(row));
        }
    }

    /// <exception cref="CorruptDataException">An outlier leads nowhere.</exception>
    public static void Read(BlockFileReader reader, RemainderPlane plane, int rows)
    {
        var outliers = reader.Read<int>();
        if (outliers < 0 || outliers > (long)rows * plane.Dimensions)
            throw reader.Corrupt($"{outliers} components off the grid");

        plane.EnsureOutliers(outliers);
        for (var number = 0; number < outliers; number++)
            reader.Read(plane.OutlierBytes(number));

        for (var row = 0; row < rows; row++)
        {
            plane.FirstOutlier(row) = reader.Read<int>();
            reader.Read(plane.Bytes(row));
            if (!plane.OutliersAreSound(row))
                throw reader.Corrupt($"the components off the grid of row {row} make no sense");
        }
    }
}
