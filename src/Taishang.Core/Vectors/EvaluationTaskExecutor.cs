using System.Text.Json;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Api;
using Taishang.Core.Collections;
using Taishang.Core.Tasks;

namespace Taishang.Core.Vectors;

/// <summary>
/// Tasks of type `evaluation`: <c>{collection, queries: [{text | vector, relevant?}], k?, ef?, nprobe?}</c>. Every
/// query is asked twice, through the index and by exact scan, which gives the index's recall; queries with judgements
/// give nDCG, recall and MRR beside it. Queries are asked one at a time, so that their times are those of a search.
/// </summary>
internal sealed class EvaluationTaskExecutor(
    IAiClient ai, CollectionLookup lookup, TextVectors texts, TimeProvider time) : ITaskExecutor
{
    private const int BatchQueries = 32;

    public string Type => "evaluation";

    public void Validate(JsonElement payload, FieldErrors errors) => EvaluationPayload.Validate(payload, errors);

    public async Task<string?> ExecuteAsync(TaskContext context, CancellationToken cancellation)
    {
        var sums = context.Checkpoint is null
            ? new EvaluationSums()
            : JsonSerializer.Deserialize<EvaluationSums>(context.Checkpoint, ApiJson.Options)!;
        var collection = await TaskPayload.FindCollectionAsync(
            lookup, context.Payload, sums.Collection, cancellation);
        sums.Collection = collection.Id;
        try
        {
            return await RunAsync(context, collection, sums, cancellation);
        }
        catch (ApiException e) when (e.Code != ErrorCodes.Cancelled)
        {
            throw new TaskFailedException($"{e.Code.Name}: {e.Message}", e.Code.Retriable, e);
        }
    }

    private async Task<string> RunAsync(
        TaskContext context, Collection collection, EvaluationSums sums, CancellationToken cancellation)
    {
        var queries = EvaluationPayload.Queries(context.Payload);
        var k = EvaluationPayload.Number(context.Payload, "k", EvaluationPayload.DepthDefault);
        while (sums.Next < queries.Count)
        {
            var batch = queries.GetRange(sums.Next, Math.Min(BatchQueries, queries.Count - sums.Next));
            var (vectors, tokens) = await VectorsAsync(collection, batch, cancellation);
            var milliseconds = 0.0;
            for (var i = 0; i < batch.Count; i++)
            {
                var started = time.GetTimestamp();
                var (found, engineMs) =
                    await SearchAsync(context, collection, vectors[i], k, exact: false, cancellation);
                var took = time.GetElapsedTime(started).TotalMilliseconds;
                var (exact, _) = await SearchAsync(context, collection, vectors[i], k, exact: true, cancellation);
                sums.Add(found, exact, batch[i].Grades, k, took, engineMs);
                milliseconds += time.GetElapsedTime(started).TotalMilliseconds;
            }

            sums.Next += batch.Count;
            context.AddCost(tokens, (long)milliseconds);
            context.ReportProgress(sums.Next * 100 / queries.Count);
            await context.SaveCheckpointAsync(JsonSerializer.Serialize(sums, ApiJson.Options), cancellation);
        }

        return JsonSerializer.Serialize(EvaluationResult.Of(collection, k, sums), ApiJson.Options);
    }

    private async Task<(IReadOnlyList<IEnumerable<float>> Vectors, long Tokens)> VectorsAsync(
        Collection collection, List<EvaluationQuery> batch, CancellationToken cancellation)
    {
        var errors = new FieldErrors();
        for (var i = 0; i < batch.Count; i++)
        {
            if (batch[i].Vector is { } vector)
                VectorChecks.Check(errors, new Json.FieldPath("vector", "queries", i), vector, collection.Dims,
                    collection.IsCosine);
        }

        errors.ThrowIfAny();
        var asked = batch.Where(query => query.Text is not null).Select(query => query.Text!).ToArray();
        if (asked.Length == 0) return (batch.ConvertAll(query => (IEnumerable<float>)query.Vector!), 0);
        var embedded = await texts.EmbedForAsync(collection, asked, context: null, cancellation);
        var next = 0;
        var vectors = batch.ConvertAll(query =>
            query.Vector ?? (IEnumerable<float>)embedded.Embeddings[next++].Values);
        return (vectors, embedded.Tokens);
    }

    private async Task<(IReadOnlyList<(string Id, float Distance)> Hits, double EngineMs)> SearchAsync(
        TaskContext context, Collection collection, IEnumerable<float> vector, int k, bool exact,
        CancellationToken cancellation)
    {
        var query = new QueryVector();
        query.Values.AddRange(vector);
        var request = new SearchVectorsRequest
        {
            CollectionId = collection.Id,
            Queries = { query },
            TopK = k,
            Exact = exact,
            Ef = EvaluationPayload.Number(context.Payload, "ef", 0),
            Nprobe = EvaluationPayload.Number(context.Payload, "nprobe", 0),
        };
        var response = await ai.CallAsync(AiCalls.SearchVectors, request, collection.WorkerId, cancellation);
        if (response.Answers.Count != 1)
            throw new ApiException(ErrorCodes.AiFailed, $"the worker gave {response.Answers.Count} answers to 1 query");
        var hits = response.Answers[0].Hits_.Select(hit => (IdText(hit.Id), hit.Distance)).ToArray();
        return (hits, response.EngineMicroseconds / 1000.0);
    }

    private static string IdText(RowId id) =>
        id.KindCase == RowId.KindOneofCase.Integer ? id.Integer.ToString() : id.Text;
}

/// <summary>What was summed up so far: the checkpoint.</summary>
internal sealed class EvaluationSums
{
    /// <summary>The collection that the queries so far were asked of: an alias may lead elsewhere meanwhile.</summary>
    public string? Collection { get; set; }

    public int Next { get; set; }

    public double IndexRecall { get; set; }

    public int Judged { get; set; }

    public double Ndcg { get; set; }

    public double Recall { get; set; }

    public double ReciprocalRank { get; set; }

    public List<double> Milliseconds { get; set; } = [];

    public List<double> EngineMilliseconds { get; set; } = [];

    public void Add(
        IReadOnlyList<(string Id, float Distance)> found,
        IReadOnlyList<(string Id, float Distance)> exact,
        IReadOnlyDictionary<string, double>? grades,
        int k, double milliseconds, double engineMs)
    {
        IndexRecall += RankingMeasures.IndexRecall(found, exact);
        Milliseconds.Add(Math.Round(milliseconds, 4));
        EngineMilliseconds.Add(Math.Round(engineMs, 4));
        if (grades is null) return;
        var ids = found.Select(hit => hit.Id).ToArray();
        Judged++;
        Ndcg += RankingMeasures.Ndcg(ids, grades, k);
        Recall += RankingMeasures.Recall(ids, grades, k);
        ReciprocalRank += RankingMeasures.ReciprocalRank(ids, grades, k);
    }
}

/// <summary>The result of the task: means over the queries.</summary>
internal sealed record EvaluationResult(
    string Collection, int Queries, int K, double IndexRecall, EvaluationTimes LatencyMs, EvaluationTimes EngineMs,
    int Judged, double? Ndcg, double? Recall, double? Mrr)
{
    public static EvaluationResult Of(Collection collection, int k, EvaluationSums sums)
    {
        double? Judged(double sum) => sums.Judged == 0 ? null : sum / sums.Judged;
        return new EvaluationResult(
            collection.Id, sums.Next, k, sums.IndexRecall / sums.Next, EvaluationTimes.Of(sums.Milliseconds),
            EvaluationTimes.Of(sums.EngineMilliseconds), sums.Judged, Judged(sums.Ndcg), Judged(sums.Recall),
            Judged(sums.ReciprocalRank));
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
