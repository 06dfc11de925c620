using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine;

/// <summary>A row of one shard and its distance; the order is that of answers: distance, then id.</summary>
internal readonly record struct ShardNeighbor(RowTable Rows, Neighbor Neighbor) : IComparable<ShardNeighbor>
{
    public int CompareTo(ShardNeighbor other)
    {
        var byDistance = Neighbor.Distance.CompareTo(other.Neighbor.Distance);
        return byDistance != 0
            ? byDistance
            : IdOrder.Compare(Rows.Record(Neighbor.Row).Id, other.Rows.Record(other.Neighbor.Row).Id);
    }
}

/// <summary>Merges the lists of shards by their heads: where none of them changes its beginning, nor does the whole.
/// </summary>
internal static class ShardMerge
{
    /// <summary>Adds the page of a search.</summary>
    public static void Into(
        SearchMatches matches, RowTable[] tables, Neighbor[][] lists, SearchRequest request)
    {
        var page = Page(tables, lists, request.Offset, request.TopK);
        page.Sort();
        foreach (var found in page)
            matches.Add(found.Rows, found.Neighbor, request.ScoreThreshold);
    }

    private static List<ShardNeighbor> Page(RowTable[] tables, Neighbor[][] lists, int offset, int count)
    {
        var heads = new int[lists.Length];
        var page = new List<ShardNeighbor>(count);
        for (var place = 0; place < offset + count; place++)
        {
            var nearest = -1;
            ShardNeighbor best = default;
            for (var shard = 0; shard < lists.Length; shard++)
            {
                if (heads[shard] == lists[shard].Length)
                    continue;

                var head = new ShardNeighbor(tables[shard], lists[shard][heads[shard]]);
                if (nearest < 0 || head.CompareTo(best) < 0)
                    (nearest, best) = (shard, head);
            }

            if (nearest < 0)
                break;

            heads[nearest]++;
            if (place >= offset)
                page.Add(best);
        }

        return page;
    }
}
