namespace Taishang.VectorEngine.Segments;

/// <summary>Rows of a table that become one segment: a range, or rows chosen one by one.</summary>
internal readonly struct SegmentRows
{
    private readonly int _start;
    private readonly int[]? _chosen;

    private SegmentRows(int start, int count, int[]? chosen)
    {
        _start = start;
        _chosen = chosen;
        Count = count;
    }

    public int Count { get; }

    /// <summary>A range keeps its row numbers, so that its file can be mapped over it.</summary>
    public bool IsRange => _chosen is null;

    /// <summary>The row number that the first of them has when the file is read.</summary>
    public int FirstPlace => _start;

    public int this[int i] => _chosen is null ? _start + i : _chosen[_start + i];

    /// <summary>Rows from <paramref name="start"/> to before <paramref name="end"/>.</summary>
    public static SegmentRows Range(int start, int end) => new(start, end - start, null);

    /// <summary>Rows of a new generation, from <paramref name="start"/> on.</summary>
    /// <param name="rows">For every row of the new generation the one that it is a copy of.</param>
    /// <param name="start">Its number in the new generation.</param>
    /// <param name="count">How many.</param>
    public static SegmentRows Chosen(int[] rows, int start, int count) => new(start, count, rows);
}
