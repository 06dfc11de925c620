using Taishang.VectorEngine.Filtering;
using Taishang.VectorEngine.Indexes;
using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Segments;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine;

/// <summary>A group in the making, within one table.</summary>
internal sealed class FoundGroup(RowGroup key)
{
    public RowGroup Key { get; } = key;

    /// <summary>That no other rows of it exist.</summary>
    public bool IsWhole { get; set; }

    /// <summary>Nearest first, ties by id.</summary>
    public List<Neighbor> Hits { get; } = [];
}

/// <summary>
/// Answers one grouped search over one snapshot, in two steps that shards take together: choose the groups, then fill
/// them.
/// <para>
/// The nearest rows, found like those of any search, name the nearest groups in order: the first k different ones are
/// the answer. Where they name fewer than k, as a few groups own all that is near, every matching row is scored and
/// the best of each group kept, so that k groups come back when k exist. What a chosen group still lacks is found
/// by scoring the rows of such groups alone.
/// </para>
/// </summary>
internal sealed unsafe class GroupExecutor(
    Snapshot snapshot, MatchingRows matching, GroupColumn column, SearchBuffers buffers, CancellationToken cancellation)
{
    /// <summary>Rows looked at first for each hit asked for.</summary>
    private const int RowsPerHit = 4;

    private const int Batch = 128;

    private readonly RowTable _rows = snapshot.Generation.Rows;
    private Query _query;

    /// <summary>The nearest groups, at most the request's top-k, in order, with those hits that were met on the way.
    /// </summary>
    public List<FoundGroup> Choose(SearchRequest request, SearchEffort effort, int size)
    {
        _query = buffers.QueryOf(_rows, request.Vector.Span);
        var looked = (int)Math.Min((long)request.TopK * size * RowsPerHit, Limits.TopKMax);
        var wide = request with { TopK = looked, Offset = 0 };
        var list = new SearchExecutor(snapshot, matching, buffers, cancellation)
            .List(request.Vector.Span, wide, effort with { TopK = looked });
        if (list.IsEmpty)
            return [];

        buffers.Memory.Heap.Sort(list);
        var groups = Gather(list, request.TopK, size);
        var sawAll = list.Length >= matching.Count;
        foreach (var group in groups)
            group.IsWhole = sawAll;
        return groups.Count < request.TopK && !sawAll ? ChooseByScan(request.TopK) : groups;
    }

    /// <summary>Brings every group that has fewer hits than it may to what exists.</summary>
    public void Fill(IReadOnlyCollection<FoundGroup> groups, int size)
    {
        var lacking = groups.Where(group => group.Hits.Count < size && !group.IsWhole)
            .ToDictionary(group => group.Key);
        if (lacking.Count == 0)
            return;

        foreach (var group in lacking.Values)
            group.Hits.Clear();
        Scan(lacking.ContainsKey, (group, neighbor) => Insert(lacking[group].Hits, neighbor, size));
    }

    /// <summary>Negative when the left one comes first.</summary>
    public int Compare(Neighbor left, Neighbor right)
    {
        var byDistance = left.Distance.CompareTo(right.Distance);
        return byDistance != 0 ? byDistance : new IdOrder(_rows).Compare(left.Row, right.Row);
    }

    private List<FoundGroup> Gather(ReadOnlySpan<Neighbor> list, int count, int size)
    {
        var byKey = new Dictionary<RowGroup, FoundGroup>();
        var groups = new List<FoundGroup>();
        foreach (var neighbor in list)
        {
            if (!column.TryGroup(neighbor.Row, out var key))
                continue;

            if (!byKey.TryGetValue(key, out var group))
            {
                if (groups.Count == count)
                    continue;

                group = new FoundGroup(key);
                byKey.Add(key, group);
                groups.Add(group);
            }

            if (group.Hits.Count < size)
                group.Hits.Add(neighbor);
        }

        return groups;
    }

    private List<FoundGroup> ChooseByScan(int count)
    {
        var best = new Dictionary<RowGroup, Neighbor>();
        Scan(_ => true, (group, neighbor) =>
        {
            if (!best.TryGetValue(group, out var before) || Compare(neighbor, before) < 0)
                best[group] = neighbor;
        });
        var chosen = best.ToArray();
        Array.Sort(chosen, (left, right) => Compare(left.Value, right.Value));
        var groups = new List<FoundGroup>();
        foreach (var (key, nearest) in chosen.AsSpan(0, Math.Min(count, chosen.Length)))
        {
            var group = new FoundGroup(key);
            group.Hits.Add(nearest);
            groups.Add(group);
        }

        return groups;
    }

    /// <summary>Scores every matching row of the groups that are wanted.</summary>
    private void Scan(Func<RowGroup, bool> wanted, Action<RowGroup, Neighbor> found)
    {
        var nodes = stackalloc int[Batch];
        var distances = stackalloc float[Batch];
        var keys = new RowGroup[Batch];
        var count = 0;
        for (var row = 0; row < snapshot.Rows; row++)
        {
            if (!column.TryGroup(row, out var key) || !matching.Contains(snapshot, row) || !wanted(key))
                continue;

            keys[count] = key;
            nodes[count++] = row;
            if (count < Batch)
                continue;

            cancellation.ThrowIfCancellationRequested();
            Score(nodes, distances, count, keys, found);
            count = 0;
        }

        Score(nodes, distances, count, keys, found);
    }

    private void Score(int* nodes, float* distances, int count, RowGroup[] keys, Action<RowGroup, Neighbor> found)
    {
        snapshot.Generation.Scorer.Score(_query, nodes, count, distances);
        for (var i = 0; i < count; i++)
            found(keys[i], new Neighbor(distances[i], nodes[i]));
    }

    private void Insert(List<Neighbor> hits, Neighbor neighbor, int size)
    {
        if (hits.Count == size && Compare(neighbor, hits[^1]) >= 0)
            return;

        var place = hits.BinarySearch(neighbor, Comparer<Neighbor>.Create(Compare));
        hits.Insert(place < 0 ? ~place : place, neighbor);
        if (hits.Count > size)
            hits.RemoveAt(size);
    }
}
