using Taishang.VectorEngine.Memory;

namespace Taishang.VectorEngine.Filtering;

/// <summary>
/// Which rows have which value, for values of one kind: the different values ("terms") in their order, and for each its
/// rows in theirs. The rows of neighbouring terms lie behind each other, so that a range of values is one stretch of
/// rows. A term that many rows have is a bitmap instead, which is smaller and quicker to add.
/// </summary>
internal sealed class PostingSection
{
    /// <summary>A row number has 32 bits: from one row in 32 on, a bitmap over all rows is the smaller form.</summary>
    private const int DenseShare = 32;

    private readonly long[] _keys;
    private readonly int[] _starts;
    private readonly int[] _rows;
    private readonly List<(int Term, int Count, RowBitmap Rows)> _dense = [];

    /// <param name="keys">A number for each value, in the order of the values; sorted here.</param>
    /// <param name="rows">The row of each; sorted along with them.</param>
    /// <param name="rowCount">Rows of the table that may occur.</param>
    public PostingSection(long[] keys, int[] rows, int rowCount)
    {
        Array.Sort(keys, rows);
        var terms = CountTerms(keys);
        _keys = new long[terms];
        _starts = new int[terms + 1];
        var kept = 0;
        var term = 0;
        for (var start = 0; start < keys.Length; term++)
        {
            var end = start + 1;
            while (end < keys.Length && keys[end] == keys[start])
                end++;

            _keys[term] = keys[start];
            _starts[term] = kept;
            var posting = rows.AsSpan(start, end - start);
            if (posting.Length > rowCount / DenseShare)
            {
                _dense.Add((term, posting.Length, Bitmap(posting, rowCount)));
            }
            else
            {
                posting.Sort();
                posting.CopyTo(rows.AsSpan(kept));
                kept += posting.Length;
            }

            start = end;
        }

        _starts[terms] = kept;
        _rows = rows.AsSpan(0, kept).ToArray();
    }

    public int Terms => _keys.Length;

    public long Bytes => _keys.Length * sizeof(long) + (_starts.Length + _rows.Length) * (long)sizeof(int)
        + _dense.Sum(dense => dense.Rows.Words.Length * (long)sizeof(ulong));

    /// <summary>The first term whose key compares as more than <paramref name="least"/>; all do behind it.</summary>
    /// <param name="compare">A key against the value sought: −1, 0 or 1.</param>
    /// <param name="least">−1 finds the first term that is not below the value, 0 the first above it.</param>
    public int FirstAbove(Func<long, int> compare, int least)
    {
        var low = 0;
        var high = _keys.Length;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (compare(_keys[middle]) > least)
                high = middle;
            else
                low = middle + 1;
        }

        return low;
    }

    /// <summary>Gives the rows of the term with this key, if there is one.</summary>
    public void Give(long key, PostingSink sink)
    {
        var term = Array.BinarySearch(_keys, key);
        if (term >= 0)
            Give(term, term + 1, sink);
    }

    /// <summary>Gives the rows of the terms from <paramref name="start"/> to before <paramref name="end"/>.</summary>
    public void Give(int start, int end, PostingSink sink)
    {
        if (start >= end)
            return;

        sink.Take(_rows.AsSpan(_starts[start], _starts[end] - _starts[start]));
        foreach (var (term, count, rows) in _dense)
        {
            if (term >= start && term < end)
                sink.Take(rows, count);
        }
    }

    private static RowBitmap Bitmap(ReadOnlySpan<int> rows, int rowCount)
    {
        var bitmap = new RowBitmap(rowCount);
        foreach (var row in rows)
            bitmap.Add(row);
        return bitmap;
    }

    private static int CountTerms(long[] sorted)
    {
        var terms = sorted.Length == 0 ? 0 : 1;
        for (var i = 1; i < sorted.Length; i++)
        {
            if (sorted[i] != sorted[i - 1])
                terms++;
        }

        return terms;
    }
}
