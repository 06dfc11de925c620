using System.Runtime.InteropServices;
using Taishang.VectorEngine.Indexes.Flat;
using Taishang.VectorEngine.Indexes.Hnsw;
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
    /// <summary>Rows that a walk scores for each node of its width, about: what makes a scan the cheaper way.</summary>
    private const int ScoredPerWidth = 24;

    /// <summary>
    /// Under dot a walk keeps so many times the width asked for: a product is no metric, its long rows hide others from
    /// each other, and the recall that l2 and cosine reach needs a wider walk.
    /// </summary>
    private const int DotWidening = 2;

    /// <summary>Nodes beyond those asked for that are ordered by floats, at least.</summary>
    private const int RerankedMin = 30;

    /// <summary>The same as a share of those asked for: one in so many.</summary>
    private const int RerankedShare = 2;

    private readonly Generation _generation = snapshot.Generation;
    private readonly RowTable _rows = snapshot.Generation.Rows;
    private readonly RowBitmap? _matching = matching.Bitmap;
    private readonly int _matchingCount = matching.Count;
    private Query _query;

    /// <summary>The neighbours from offset on, at most top-k of them, nearest first, in engine distances.</summary>
    public ReadOnlySpan<Neighbor> Run(ReadOnlySpan<float> vector, SearchRequest request, int efSearch)
    {
        var list = List(vector, request, efSearch);
        if (list.Length <= request.Offset)
            return default;

        var page = list[request.Offset..];
        page = page[..Math.Min(page.Length, request.TopK)];
        SortPage(page);
        return page;
    }

    /// <summary>The list that pages are cut from, up to the end of the page asked for, layer behind layer.</summary>
    public Span<Neighbor> List(ReadOnlySpan<float> vector, SearchRequest request, int efSearch)
    {
        PrepareQuery(vector);
        buffers.Found.Clear();
        var wanted = Math.Min((long)request.Offset + request.TopK, _matchingCount);
        if (wanted <= request.Offset)
            return default;

        var width = Math.Max(efSearch, request.TopK);
        if (_rows.Metric == DistanceMetric.Dot)
            width *= DotWidening;
        var kept = KeptOf(width, request.TopK);
        var isFirst = true;
        while (buffers.Found.Count < wanted)
        {
            var scans = request.Exact || ScanIsCheaper(width);
            if (scans || !TryWalk(width, kept))
            {
                Scan((int)wanted);
                scans = true;
            }

            var added = Append(isFirst);
            if (scans)
                break;

            // A layer that brought nothing new will not do better by being repeated a little wider.
            width = added == 0 ? int.MaxValue : (int)Math.Min(int.MaxValue, width * 2L);
            kept = (int)Math.Min(width, kept * 2L);
            isFirst = false;
        }

        var list = CollectionsMarshal.AsSpan(buffers.Found);
        return list[..(int)Math.Min(list.Length, wanted)];
    }

    private void PrepareQuery(ReadOnlySpan<float> vector)
    {
        var padded = new Span<float>(buffers.Query.Pointer, _rows.PaddedDimensions);
        vector.CopyTo(padded);
        padded[vector.Length..].Clear();
        var scale = _rows.Metric == DistanceMetric.Cosine ? RowTable.InverseLength(vector) : 0f;
        _query = new Query((float*)buffers.Query.Pointer, scale);
    }

    /// <summary>
    /// A walk that keeps <paramref name="width"/> of the rows of which a share matches has to score about
    /// width · 24 / share of them; a scan scores the matching ones.
    /// </summary>
    private bool ScanIsCheaper(int width)
    {
        var graph = _generation.Graph;
        if (graph is null || graph.Covered == 0)
            return true;

        var share = (double)_matchingCount / snapshot.Rows;
        return _matchingCount * share <= (double)width * ScoredPerWidth;
    }

    /// <summary>
    /// How much of a first layer's walk is kept. A walk over floats has all in order; of one over codes the nearest are
    /// ordered by floats, enough of them that a code's rounding does not decide what is returned.
    /// </summary>
    private int KeptOf(int width, int topK) => _generation.Graph?.Grid is null
        ? width
        : Math.Min(width, topK + Math.Max(RerankedMin, topK / RerankedShare));

    private bool TryWalk(int width, int kept)
    {
        var graph = _generation.Graph!;
        var covered = Math.Min(graph.Covered, snapshot.Rows);
        var heap = buffers.Memory.Heap;
        heap.Begin(kept, new IdOrder(_rows));
        var search = new GraphSearch(
            width, kept, snapshot.Rows, IsSelective: _matchingCount < snapshot.Rows * 0.9, Budget: _matchingCount);
        var scorer = _generation.Scorer;
        var visible = new VisibleRows(_rows, snapshot.Commit, covered);
        var walked = _matching is null
            ? HnswSearcher.Search(graph, scorer, _query, search, visible, buffers.Memory)
            : HnswSearcher.Search(graph, scorer, _query, search, new BitmapRows(_matching, covered), buffers.Memory);
        if (!walked)
            return false;

        ScanRange(covered);
        return true;
    }

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
