namespace Taishang.VectorEngine.Memory;

/// <summary>How many bytes of which rows are pages of a file. One writer; the sum may be read by anyone.</summary>
internal sealed class MappedRanges
{
    private readonly List<Range> _ranges = [];
    private long _bytes;

    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Notes what of the rows from <paramref name="start"/> to before <paramref name="end"/> is mapped,
    /// instead of what was noted for ranges inside.</summary>
    public void Note(int start, int end, long bytes)
    {
        _ranges.RemoveAll(range => range.Start >= start && range.End <= end);
        _ranges.Add(new Range(start, end, bytes));
        Interlocked.Exchange(ref _bytes, _ranges.Sum(range => range.Bytes));
    }

    private readonly record struct Range(int Start, int End, long Bytes);
}
