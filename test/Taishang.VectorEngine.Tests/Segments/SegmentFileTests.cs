using System.Runtime.InteropServices;
using System.Text;
using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Segments;
using Taishang.VectorEngine.Storage;
using Taishang.VectorEngine.Tests.Storage;

namespace Taishang.VectorEngine.Tests.Segments;

public sealed class SegmentFileTests
{
    /// <summary>A stride of 416 bytes: rows cross pages, and no two chunks begin alike in the file.</summary>
    private const int Dimensions = 101;

    private const int RowCount = 25_000;

    [Theory]
    [InlineData(DistanceMetric.Cosine)]
    [InlineData(DistanceMetric.L2)]
    public void Rows_read_from_a_file_equal_those_written_mapped_or_not(DistanceMetric metric)
    {
        using var folder = new SegmentFolder();
        using var table = TableOf(metric, RowCount);
        foreach (var (start, end) in new[] { (0, 1), (0, RowCount), (17, 20_011), (20_011, RowCount) })
        {
            folder.Save(table, SegmentRows.Range(start, end));
            foreach (var device in new IStorageDevice[] { DiskDevice.Instance, new UnmappableDevice() })
            {
                // Rows before the segment's own put it at the place that it was written for, or at another.
                foreach (var before in new[] { start, start + 1 })
                {
                    using var loaded = TableOf(metric, before);
                    SegmentFile.Load(device, folder.Path, loaded, end - start, CancellationToken.None);
                    for (var row = start; row < end; row++)
                        AssertSame(table, row, loaded, before + row - start);
                }
            }
        }
    }

    [Fact]
    public void A_segment_of_chosen_rows_holds_these_in_their_order()
    {
        using var folder = new SegmentFolder();
        using var table = TableOf(DistanceMetric.Cosine, RowCount);
        var chosen = Enumerable.Range(0, RowCount).Where(row => row % 3 == 1).ToArray();
        folder.Save(table, SegmentRows.Chosen(chosen, 0, chosen.Length));
        using var loaded = new RowTable(Dimensions, DistanceMetric.Cosine);

        SegmentFile.Load(DiskDevice.Instance, folder.Path, loaded, chosen.Length, CancellationToken.None);

        for (var i = 0; i < chosen.Length; i++)
            AssertSame(table, chosen[i], loaded, i);
    }

    [Fact]
    public async Task Memory_of_sealed_rows_is_given_up_under_their_readers()
    {
        Assert.SkipUnless(SystemPages.CanMap, "this system cannot map files over memory");
        using var folder = new SegmentFolder();
        using var table = TableOf(DistanceMetric.L2, RowCount);
        using var same = TableOf(DistanceMetric.L2, RowCount);
        var before = table.MemoryBytes;
        folder.Save(table, SegmentRows.Range(5, RowCount - 5));
        using var stop = new CancellationTokenSource();
        var reader = Task.Run(() =>
        {
            var wrong = 0;
            for (var row = 0; !stop.IsCancellationRequested; row = (row + 7) % RowCount)
                wrong += table.VectorSpan(row).SequenceEqual(same.VectorSpan(row)) ? 0 : 1;
            return wrong;
        });
        for (var round = 0; round < 20; round++)
            SegmentFile.Map(DiskDevice.Instance, folder.Path, table, SegmentRows.Range(5, RowCount - 5));

        File.Delete(folder.Path);
        await stop.CancelAsync();
        Assert.Equal(0, await reader);
        for (var row = 0; row < RowCount; row++)
            AssertSame(same, row, table, row);
        Assert.Equal(before, table.MemoryBytes + table.MappedBytes);
        Assert.True(table.MappedBytes > before * 0.8, $"{table.MappedBytes} of {before} bytes are mapped");
    }

    [Fact]
    public void Scales_are_mapped_as_well_as_vectors()
    {
        Assert.SkipUnless(SystemPages.CanMap, "this system cannot map files over memory");
        var withScales = Mapped(DistanceMetric.Cosine);

        var scales = withScales - Mapped(DistanceMetric.L2);

        // But for what shares a page with others at both ends.
        var whole = RowCount * sizeof(float) - 2 * SystemPages.Bytes;
        Assert.True(scales >= whole, $"{scales} bytes of scales are mapped, expected {whole}");

        static long Mapped(DistanceMetric metric)
        {
            using var folder = new SegmentFolder();
            using var table = TableOf(metric, RowCount);
            using var same = TableOf(metric, RowCount);
            folder.Save(table, SegmentRows.Range(3, RowCount));
            SegmentFile.Map(DiskDevice.Instance, folder.Path, table, SegmentRows.Range(3, RowCount));
            for (var row = 0; row < RowCount; row++)
                AssertSame(same, row, table, row);
            return table.MappedBytes;
        }
    }

    [Fact]
    public void A_segment_of_an_unknown_version_or_another_shape_is_refused()
    {
        using var folder = new SegmentFolder();
        using var table = TableOf(DistanceMetric.L2, 10);
        folder.Save(table, SegmentRows.Range(0, 10));
        Assert.Contains("expected 9 of", Refusal(folder.Path, Dimensions, 9), StringComparison.Ordinal);
        Assert.Contains("99", Refusal(folder.Path, 99, 10), StringComparison.Ordinal);

        foreach (var version in new byte[] { 2, 4 })
        {
            var bytes = File.ReadAllBytes(folder.Path);
            bytes[8] = version;
            BitConverter.TryWriteBytes(bytes.AsSpan(24), System.IO.Hashing.XxHash3.HashToUInt64(bytes.AsSpan(0, 24)));
            File.WriteAllBytes(folder.Path, bytes);
            Assert.Contains(
                $"version {version} is not known", Refusal(folder.Path, Dimensions, 10), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_flipped_bit_anywhere_in_a_segment_is_named_by_file_and_offset()
    {
        using var folder = new SegmentFolder();
        using var table = TableOf(DistanceMetric.Cosine, 8000);
        folder.Save(table, SegmentRows.Range(0, 8000));
        var whole = File.ReadAllBytes(folder.Path);
        Assert.True(whole.Length > 3 * PieceFileFormat.PieceBytes);
        var random = new Random(6);
        for (var i = 0; i < 200; i++)
        {
            var at = i < 20 ? whole.Length - 1 - i * 5 : random.Next(whole.Length);
            whole[at] ^= (byte)(1 << (i % 8));
            File.WriteAllBytes(folder.Path, whole);
            whole[at] ^= (byte)(1 << (i % 8));
            using var loaded = new RowTable(Dimensions, DistanceMetric.Cosine);

            var corrupt = Assert.Throws<CorruptDataException>(
                () => SegmentFile.Load(DiskDevice.Instance, folder.Path, loaded, 8000, CancellationToken.None));

            Assert.Equal(folder.Path, corrupt.File);
            Assert.InRange(at - corrupt.Offset, 0, PieceFileFormat.PieceBytes - 1);
        }
    }

    [Fact]
    public void A_segment_cut_or_grown_by_any_length_is_refused()
    {
        using var folder = new SegmentFolder();
        using var table = TableOf(DistanceMetric.Cosine, 3000);
        folder.Save(table, SegmentRows.Range(0, 3000));
        var whole = File.ReadAllBytes(folder.Path);
        var random = new Random(5);
        var lengths = Enumerable.Range(0, 100).Select(_ => random.Next(whole.Length));
        foreach (var length in lengths.Concat([0, 63, 64, whole.Length - 1, whole.Length + 1, whole.Length + 5000]))
        {
            File.WriteAllBytes(folder.Path, whole);
            using (var file = File.OpenWrite(folder.Path))
                file.SetLength(length);
            Refusal(folder.Path, Dimensions, 3000);
        }
    }

    private static string Refusal(string path, int dimensions, int rows)
    {
        using var table = new RowTable(dimensions, DistanceMetric.L2);
        return Assert.Throws<CorruptDataException>(
            () => SegmentFile.Load(DiskDevice.Instance, path, table, rows, CancellationToken.None)).Message;
    }

    private static RowTable TableOf(DistanceMetric metric, int rows)
    {
        var random = new Random(3);
        var table = new RowTable(Dimensions, metric);
        var vector = new float[Dimensions];
        for (var row = 0; row < rows; row++)
        {
            for (var i = 0; i < Dimensions; i++)
                vector[i] = random.NextSingle();
            var metadata = row % 5 == 0 ? [] : new byte[row % 300];
            var fields = new RowFields(
                Encoding.UTF8.GetBytes($"row{row}"), row % 2 == 0, row % 3 == 0 ? row : RowRecord.Never, metadata);
            table.Append(MemoryMarshal.AsBytes(vector.AsSpan()), fields, RowTable.Alive);
        }

        return table;
    }

    private static void AssertSame(RowTable expected, int row, RowTable actual, int at)
    {
        var (left, right) = (expected.Record(row), actual.Record(at));
        var isSame = expected.VectorSpan(row).SequenceEqual(actual.VectorSpan(at))
            && expected.Scale(row) == actual.Scale(at)
            && actual.DiedAt(at) == RowTable.Alive
            && left.Id.SequenceEqual(right.Id)
            && left.Metadata.SequenceEqual(right.Metadata)
            && left.IsInteger == right.IsInteger
            && left.ExpiresAtTicks == right.ExpiresAtTicks;
        Assert.True(isSame, $"row {row} differs from the one at {at}");
    }

    private sealed class SegmentFolder : IDisposable
    {
        private readonly string _folder = Directory.CreateTempSubdirectory("taishang-segment-").FullName;

        public string Path => System.IO.Path.Combine(_folder, "segment");

        public void Save(RowTable table, SegmentRows rows) =>
            SegmentFile.Save(DiskDevice.Instance, Path, table, rows, CancellationToken.None);

        public void Dispose() => Directory.Delete(_folder, recursive: true);
    }
}
