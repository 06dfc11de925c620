using Taishang.VectorEngine.Filtering;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine;

/// <summary>Turns found groups into what the API promises.</summary>
internal static class GroupWriter
{
    /// <summary>Hits below the threshold are left out, and groups that have no others.</summary>
    public static IEnumerable<HitGroup> Write(
        IEnumerable<FoundGroup> groups, SearchRequest request, RowTable rows, GroupColumn column)
    {
        foreach (var group in groups)
        {
            var hits = Hits(group, request, rows);
            if (hits.Count > 0)
                yield return new HitGroup(column.ValueOf(group.Key).ToJson(), hits);
        }
    }

    private static List<SearchHit> Hits(FoundGroup group, SearchRequest request, RowTable rows)
    {
        var hits = new List<SearchHit>(group.Hits.Count);
        foreach (var neighbor in group.Hits)
        {
            var match = new SearchMatch(rows, neighbor.Row, Scores.Distance(rows.Metric, neighbor.Distance));
            if (!(match.Score < request.ScoreThreshold))
                hits.Add(AnswerWriter.Hit(match, request));
        }

        return hits;
    }
}
