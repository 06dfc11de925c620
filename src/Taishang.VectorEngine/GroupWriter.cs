using Taishang.VectorEngine.Filtering;

namespace Taishang.VectorEngine;

/// <summary>Turns found groups into what the API promises.</summary>
internal static class GroupWriter
{
    /// <summary>Hits below the threshold are left out, and groups that have no others.</summary>
    public static IEnumerable<HitGroup> Write(
        IEnumerable<(GroupValue Value, IEnumerable<ShardNeighbor> Hits)> groups, SearchRequest request)
    {
        foreach (var (value, found) in groups)
        {
            var hits = Hits(found, request);
            if (hits.Count > 0)
                yield return new HitGroup(value.ToJson(), hits);
        }
    }

    private static List<SearchHit> Hits(IEnumerable<ShardNeighbor> found, SearchRequest request)
    {
        var hits = new List<SearchHit>();
        foreach (var (rows, neighbor) in found)
        {
            var match = new SearchMatch(rows, neighbor.Row, Scores.Distance(rows.Metric, neighbor.Distance));
            if (!(match.Score < request.ScoreThreshold))
                hits.Add(AnswerWriter.Hit(match, request));
        }

        return hits;
    }
}
