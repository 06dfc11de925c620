using System.Globalization;
using Taishang.VectorEngine.Memory;
using Xunit;

namespace Taishang.VectorEngine.Tests.Memory;

public sealed class BackgroundThreadsTests
{
    private const int FieldsBetweenNameAndNiceness = 16;
    private const int StrideBytes = 64 << 10;

    [Fact]
    public async Task Work_in_the_background_gives_way_to_other_threads_and_leaves_those_as_they_are()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "niceness of a thread is Linux's");
        var before = Niceness();
        var inside = -1;
        await BackgroundThreads.Start(() => inside = Niceness());

        Assert.Equal(BackgroundThreads.Niceness, inside);
        Assert.Equal(before, Niceness());
    }

    [Fact]
    public async Task What_goes_wrong_in_the_background_reaches_who_waits()
    {
        await Assert.ThrowsAsync<InvalidDataException>(
            () => BackgroundThreads.Start(() => throw new InvalidDataException("damaged")));
    }

    [Fact]
    public void Rows_keep_their_content_when_the_chunk_behind_them_was_made_ready()
    {
        using var rows = new ChunkedRows(StrideBytes);
        var count = rows.RowsPerChunk * 3;
        for (var row = 0; row < count; row++)
        {
            rows.EnsureRows(row + 1);
            if ((row & rows.Mask) == 1)
                rows.PrepareNextChunk();
            Write(rows, row);
        }

        for (var row = 0; row < count; row++)
            Assert.Equal(row, Read(rows, row));
    }

    private static unsafe void Write(ChunkedRows rows, int row) => *(int*)rows.Row(row) = row;

    private static unsafe int Read(ChunkedRows rows, int row) => *(int*)rows.Row(row);

    private static int Niceness()
    {
        // The name may hold anything but is the last thing in parentheses.
        var text = File.ReadAllText("/proc/thread-self/stat");
        var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
        return int.Parse(fields[FieldsBetweenNameAndNiceness], CultureInfo.InvariantCulture);
    }
}
