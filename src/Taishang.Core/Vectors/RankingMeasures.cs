namespace Taishang.Core.Vectors;

/// <summary>
/// Measures of one ranked list against judgements. Gains are linear in the grade, as trec_eval has them.
/// </summary>
internal static class RankingMeasures
{
    /// <summary>
    /// Discounted gain of the first k over that of the best possible order; 0 when nothing is relevant.
    /// </summary>
    public static double Ndcg(IReadOnlyList<string> ranked, IReadOnlyDictionary<string, double> grades, int k)
    {
        double gain = 0;
        for (var i = 0; i < ranked.Count && i < k; i++) gain += grades.GetValueOrDefault(ranked[i]) / Math.Log2(i + 2);
        var ideal = grades.Values.Where(grade => grade > 0).OrderDescending().Take(k)
            .Select((grade, i) => grade / Math.Log2(i + 2)).Sum();
        return ideal > 0 ? gain / ideal : 0;
    }

    /// <summary>Share of the relevant that stand among the first k.</summary>
    public static double Recall(IReadOnlyList<string> ranked, IReadOnlyDictionary<string, double> grades, int k)
    {
        var relevant = grades.Count(grade => grade.Value > 0);
        return relevant == 0 ? 0 : ranked.Take(k).Count(id => grades.GetValueOrDefault(id) > 0) / (double)relevant;
    }

    /// <summary>One over the rank of the first relevant among the first k; 0 when there is none.</summary>
    public static double ReciprocalRank(
        IReadOnlyList<string> ranked, IReadOnlyDictionary<string, double> grades, int k)
    {
        for (var i = 0; i < ranked.Count && i < k; i++)
        {
            if (grades.GetValueOrDefault(ranked[i]) > 0) return 1.0 / (i + 1);
        }

        return 0;
    }

    /// <summary>
    /// Share of the exact answer that the index found. A hit as near as the last exact one counts also when its id is
    /// another: of equals either is right.
    /// </summary>
    public static double IndexRecall(
        IReadOnlyList<(string Id, float Distance)> found, IReadOnlyList<(string Id, float Distance)> exact)
    {
        if (exact.Count == 0) return 1;
        var ids = exact.Select(hit => hit.Id).ToHashSet();
        var last = exact[^1].Distance;
        var right = found.Take(exact.Count).Count(hit => ids.Contains(hit.Id) || hit.Distance <= last);
        return right / (double)exact.Count;
    }

    /// <summary>Nearest rank over a sorted list.</summary>
    public static double Percentile(IReadOnlyList<double> sorted, double share) =>
        sorted.Count == 0 ? 0 : sorted[Math.Clamp((int)Math.Ceiling(share * sorted.Count) - 1, 0, sorted.Count - 1)];
}
