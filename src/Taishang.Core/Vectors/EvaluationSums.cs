namespace Taishang.Core.Vectors;

/// <summary>What was summed up so far: the checkpoint.</summary>
internal sealed class EvaluationSums
{
    /// <summary>The collection that the queries so far were asked of: an alias may lead elsewhere meanwhile.</summary>
    public string? Collection { get; set; }

    /// <summary>Rows that are the queries, when these were to be chosen.</summary>
    public List<string>? Sample { get; set; }

    /// <summary>Place of the next query.</summary>
    public int Next { get; set; }

    /// <summary>Queries that were asked: all before <see cref="Next"/> but rows that were deleted meanwhile.</summary>
    public int Asked { get; set; }

    public int Judged { get; set; }

    /// <summary>One for each ef, and one for the exact search at the end.</summary>
    public List<EvaluationRun> Runs { get; set; } = [];

    public void Begin(IReadOnlyList<int> widths)
    {
        Runs.AddRange(widths.Select(width => new EvaluationRun { Ef = width == 0 ? null : width }));
        Runs.Add(new EvaluationRun());
    }

    /// <summary>Adds what the searches of a query found, and returns what is kept of it.</summary>
    /// <param name="query">What was asked.</param>
    /// <param name="found">One for each run.</param>
    /// <param name="depth">Hits that count: k.</param>
    public EvaluationAnswer Add(EvaluationQuery query, IReadOnlyList<EvaluationSearch> found, int depth)
    {
        var exact = found[^1];
        Asked++;
        if (query.Grades is not null) Judged++;
        var kept = new EvaluationRunAnswer[found.Count];
        for (var i = 0; i < found.Count; i++) kept[i] = Runs[i].Add(query, found[i], exact, depth);
        return new EvaluationAnswer(
            EvaluationAnswer.Cut(query.Text), query.Row, query.Grades?.Count(grade => grade.Value > 0), kept[..^1],
            kept[^1] with { IndexRecall = null });
    }
}

/// <summary>The sums of all searches that were made one way.</summary>
internal sealed class EvaluationRun
{
    /// <summary>Null for the collection's own, and for the exact search.</summary>
    public int? Ef { get; set; }

    public double IndexRecall { get; set; }

    public double Ndcg { get; set; }

    public double Recall { get; set; }

    public double ReciprocalRank { get; set; }

    public List<double> Milliseconds { get; set; } = [];

    public List<double> EngineMilliseconds { get; set; } = [];

    public EvaluationRunAnswer Add(EvaluationQuery query, EvaluationSearch found, EvaluationSearch exact, int depth)
    {
        var recall = RankingMeasures.IndexRecall(Places(found), Places(exact));
        IndexRecall += recall;
        Milliseconds.Add(Math.Round(found.Milliseconds, 4));
        EngineMilliseconds.Add(Math.Round(found.EngineMs, 4));
        var hits = found.Hits.Take(EvaluationAnswer.HitsMax)
            .Select(hit => new EvaluationAnswerHit(hit.Id, hit.Score, GradeOf(query, hit.Id))).ToArray();
        var answer = new EvaluationRunAnswer(Ef, recall, Milliseconds[^1], EngineMilliseconds[^1], hits);
        if (query.Grades is not { } grades) return answer;
        var ids = found.Hits.Select(hit => hit.Id).ToArray();
        answer = answer with
        {
            Ndcg = RankingMeasures.Ndcg(ids, grades, depth),
            Recall = RankingMeasures.Recall(ids, grades, depth),
            Mrr = RankingMeasures.ReciprocalRank(ids, grades, depth),
        };
        Ndcg += answer.Ndcg.Value;
        Recall += answer.Recall.Value;
        ReciprocalRank += answer.Mrr.Value;
        return answer;
    }

    private static (string Id, float Distance)[] Places(EvaluationSearch search) =>
        [.. search.Hits.Select(hit => (hit.Id, hit.Distance))];

    private static double? GradeOf(EvaluationQuery query, string id) =>
        query.Grades is not null && query.Grades.TryGetValue(id, out var grade) ? grade : null;
}
