using Taishang.Core.Collections;

namespace Taishang.Core.Vectors;

/// <summary>
/// The result of the task: means over the queries, by ef, in the order asked. What stands on top is that of the first.
/// </summary>
/// <param name="Judged">Queries with judgements, over which the three measures are means.</param>
internal sealed record EvaluationResult(
    string Collection, int Queries, int K, double IndexRecall, EvaluationTimes LatencyMs, EvaluationTimes EngineMs,
    int Judged, double? Ndcg, double? Recall, double? Mrr, IReadOnlyList<EvaluationRunResult> Runs,
    EvaluationRunResult Exact)
{
    public static EvaluationResult Of(Collection collection, int depth, EvaluationSums sums)
    {
        var runs = sums.Runs.ConvertAll(run => EvaluationRunResult.Of(run, sums));
        var first = runs[0];
        return new EvaluationResult(
            collection.Id, sums.Asked, depth, first.IndexRecall ?? 0, first.LatencyMs, first.EngineMs, sums.Judged,
            first.Ndcg, first.Recall, first.Mrr, runs[..^1], runs[^1] with { IndexRecall = null });
    }

    /// <summary>What is kept with the model: of the first ef, and of the exact answer, which is the model's own.
    /// </summary>
    public Dictionary<string, double> Measures()
    {
        var measures = new Dictionary<string, double>
        {
            ["queries"] = Queries,
            ["k"] = K,
            ["index_recall"] = IndexRecall,
            ["latency_p50_ms"] = LatencyMs.P50,
            ["latency_p95_ms"] = LatencyMs.P95,
            ["judged"] = Judged,
        };
        foreach (var (name, value) in ((string, double?)[])
            [("ndcg", Ndcg), ("recall", Recall), ("mrr", Mrr), ("exact_ndcg", Exact.Ndcg),
             ("exact_recall", Exact.Recall), ("exact_mrr", Exact.Mrr)])
        {
            if (value is { } measured) measures[name] = measured;
        }

        return measures;
    }
}

/// <summary>All queries asked one way.</summary>
internal sealed record EvaluationRunResult(
    int? Ef, double? IndexRecall, EvaluationTimes LatencyMs, EvaluationTimes EngineMs, double? Ndcg, double? Recall,
    double? Mrr)
{
    public static EvaluationRunResult Of(EvaluationRun run, EvaluationSums sums)
    {
        double? Judged(double sum) => sums.Judged == 0 ? null : sum / sums.Judged;
        return new EvaluationRunResult(
            run.Ef, run.IndexRecall / sums.Asked, EvaluationTimes.Of(run.Milliseconds),
            EvaluationTimes.Of(run.EngineMilliseconds), Judged(run.Ndcg), Judged(run.Recall),
            Judged(run.ReciprocalRank));
    }
}

/// <summary>Milliseconds of a search.</summary>
internal sealed record EvaluationTimes(double Average, double P50, double P95, double P99)
{
    public static EvaluationTimes Of(List<double> milliseconds)
    {
        var sorted = milliseconds.Order().ToArray();
        return new EvaluationTimes(
            sorted.Average(), RankingMeasures.Percentile(sorted, 0.50), RankingMeasures.Percentile(sorted, 0.95),
            RankingMeasures.Percentile(sorted, 0.99));
    }
}

/// <summary>What is kept of one query.</summary>
/// <param name="Text">The query's, its first 200 characters.</param>
/// <param name="Row">The row that it was, of a sample.</param>
/// <param name="Relevant">Ids that were judged above 0.</param>
/// <param name="Runs">One for each ef.</param>
internal sealed record EvaluationAnswer(
    string? Text, string? Row, int? Relevant, IReadOnlyList<EvaluationRunAnswer> Runs, EvaluationRunAnswer Exact)
{
    /// <summary>Hits that are kept of a run: eight efs and the exact answer fit into one answer of a task.</summary>
    public const int HitsMax = 20;

    private const int TextCharactersMax = 200;

    public static string? Cut(string? text) => text is { Length: > TextCharactersMax }
        ? text[..(char.IsHighSurrogate(text[TextCharactersMax - 1]) ? TextCharactersMax - 1 : TextCharactersMax)] + "…"
        : text;
}

/// <summary>One query asked one way.</summary>
internal sealed record EvaluationRunAnswer(
    int? Ef, double? IndexRecall, double LatencyMs, double EngineMs, IReadOnlyList<EvaluationAnswerHit> Hits)
{
    public double? Ndcg { get; init; }

    public double? Recall { get; init; }

    public double? Mrr { get; init; }
}

/// <param name="Grade">As judged; null when nobody did.</param>
internal sealed record EvaluationAnswerHit(string Id, float Score, double? Grade);
