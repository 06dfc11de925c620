using System.Runtime.InteropServices;
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

/// <summary>What one shard found.</summary>
/// <param name="Rows">Of the shard.</param>
/// <param name="Found">The list that pages are cut from.</param>
/// <param name="Count">How far the page reaches in it.</param>
internal readonly record struct ShardList(RowTable Rows, List<Neighbor> Found, int Count)
{
    public ShardNeighbor this[int place] => new(Rows, CollectionsMarshal.AsSpan(Found)[place]);
}

/// <summary>Merges the lists of shards by their heads: where none of them changes its beginning, nor does the whole.
/// Used again, it allocates nothing.</summary>
internal sealed class ShardMerge(int shards)
{
    private readonly int[] _heads = new int[shards];
    private readonly List<ShardNeighbor> _page = [];

    /// <summary>Adds the page of a search.</summary>
    public void Into(SearchMatches matches, ShardList[] lists, SearchRequest request)
    {
        try
        {
            Cut(lists, request.Offset, request.TopK);
            _page.Sort();
            foreach (var found in _page)
                matches.Add(found.Rows, found.Neighbor, request.ScoreThreshold);
        }
        finally
        {
            _page.Clear();
        }
    }

    private void Cut(ShardList[] lists, int offset, int count)
    {
        Array.Clear(_heads);
        for (var place = 0; place < offset + count; place++)
        {
            var nearest = -1;
            ShardNeighbor best = default;
            for (var shard = 0; shard < lists.Length; shard++)
            {
                if (_heads[shard] == lists[shard].Count)
                    continue;

                var head = lists[shard][_heads[shard]];
                if (nearest < 0 || head.CompareTo(best) < 0)
                    (nearest, best) = (shard, head);
            }

            if (nearest < 0)
                break;

            _heads[nearest]++;
            if (place >= offset)
                _page.Add(best);
        }
    }
}
