using System.Runtime.InteropServices;
using Taishang.VectorEngine.Indexes;
using Taishang.VectorEngine.Indexes.Flat;
using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Segments;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine;

/// <summary>
/// Answers one search over one snapshot: chooses between scanning and walking, merges what no index covers yet, and
/// makes sure that k rows come back when k match.
/// <para>
/// Paging: the list that pages are cut from is made layer by layer. The first layer is what a walk of the first page's
/// width finds (of a walk over codes, what was put in order by floats); each further one is a walk twice as wide, or
/// at last a scan, of which only rows not listed before are appended. So the beginning of the list never depends on how
/// far a page reaches, and pages neither skip nor repeat.
/// </para>
/// </summary>
internal unsafe ref struct SearchExecutor(
    Snapshot snapshot, in MatchingRows matching, SearchBuffers buffers, CancellationToken cancellation)
{
    private readonly Generation _generation = snapshot.Generation;
    private readonly IRowIndex? _index = snapshot.Generation.Index;
    private readonly RowTable _rows = snapshot.Generation.Rows;
    private readonly RowBitmap? _matching = matching.Bitmap;
    private readonly int _matchingCount = matching.Count;
    private Query _query;

    /// <summary>The neighbours from offset on, at most top-k of them, nearest first, in engine distances.</summary>
    public ReadOnlySpan<Neighbor> Run(ReadOnlySpan<float> vector, SearchRequest request, SearchEffort effort)
    {
        if (_matchingCount <= request.Offset)
            return default;

        var list = List(vector, request, effort);
        if (list.Length <= request.Offset)
            return default;

        var page = list[request.Offset..];
        page = page[..Math.Min(page.Length, request.TopK)];
        SortPage(page);
        return page;
    }

    /// <summary>The list that pages are cut from, up to the end of the page asked for, layer behind layer.</summary>
    public Span<Neighbor> List(ReadOnlySpan<float> vector, SearchRequest request, SearchEffort effort)
    {
        _query = buffers.QueryOf(_rows, vector);
        buffers.Found.Clear();
        var wanted = Math.Min((long)request.Offset + request.TopK, _matchingCount);
        if (wanted == 0)
            return default;

        var layer = _index?.FirstLayer(effort) ?? default;
        var isFirst = true;
        while (buffers.Found.Count < wanted)
        {
            var scans = request.Exact || ScanIsCheaper(layer);
            if (scans || !TryWalk(layer))
            {
                Scan((int)wanted);
                scans = true;
            }

            var added = Append(isFirst);
            if (scans)
                break;

            // A layer that brought nothing new will not do better by being repeated a little wider.
            layer = added == 0 ? layer.Widest : layer.Doubled;
            isFirst = false;
        }

        var list = CollectionsMarshal.AsSpan(buffers.Found);
        return list[..(int)Math.Min(list.Length, wanted)];
    }

    private bool ScanIsCheaper(IndexLayer layer) =>
        _index is null || _index.Covered == 0 || _index.ScanIsCheaper(SearchOf(layer));

    private bool TryWalk(IndexLayer layer)
    {
        var index = _index!;
        var covered = Math.Min(index.Covered, snapshot.Rows);
        buffers.Memory.Heap.Begin(layer.Kept, new IdOrder(_rows));
        var search = SearchOf(layer);
        var walked = _matching is null
            ? index.TrySearch(_query, search, new VisibleRows(_rows, snapshot.Commit, covered), buffers.Memory)
            : index.TrySearch(_query, search, new BitmapRows(_matching, covered), buffers.Memory);
        if (!walked)
            return false;

        ScanRange(covered);
        return true;
    }

    private IndexSearch SearchOf(IndexLayer layer) => new(layer, snapshot.Rows, _matchingCount);

    private void Scan(int wanted)
    {
        buffers.Memory.Heap.Begin(wanted, new IdOrder(_rows));
        ScanRange(0);
    }

    private void ScanRange(int start)
    {
        if (start >= snapshot.Rows)
            return;

        var heap = buffers.Memory.Heap;
        if (_matching is not null)
        {
            FlatSearcher.Scan(_generation.Scorer, _query, _matching, start, heap, cancellation);
            return;
        }

        var visible = new VisibleRows(_rows, snapshot.Commit, snapshot.Rows);
        FlatSearcher.Scan(_generation.Scorer, _query, (start, snapshot.Rows), visible, heap, cancellation);
    }

    private int Append(bool isFirst)
    {
        var layer = buffers.Memory.Heap.Finish();
        if (isFirst)
        {
            buffers.Found.AddRange(layer);
            return layer.Length;
        }

        var known = buffers.FoundRows;
        known.Clear();
        foreach (var neighbor in buffers.Found)
            known.Add(neighbor.Row);

        var added = 0;
        foreach (var neighbor in layer)
        {
            if (!known.Add(neighbor.Row))
                continue;

            buffers.Found.Add(neighbor);
            added++;
        }

        return added;
    }

    /// <summary>A page that spans two layers is ordered in itself.</summary>
    private readonly void SortPage(Span<Neighbor> page)
    {
        for (var i = 1; i < page.Length; i++)
        {
            if (page[i].Distance >= page[i - 1].Distance)
                continue;

            buffers.Memory.Heap.Sort(page);
            return;
        }
    }
}
