using System.Text.Json;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Api;
using Taishang.Core.Collections;
using Taishang.Core.Models;
using Taishang.Executors;

namespace Taishang.Core.Vectors;

/// <summary>
/// Tasks of type `evaluation`: <c>{collection, queries: [{text | vector, relevant?}] | sample, k?, ef?, nprobe?}</c>.
/// Every query is asked through the index, once for each ef, and by exact scan, which gives the index's recall; queries
/// with judgements give nDCG, recall and MRR beside it, of the exact answer too, which tells the index's share from the
/// model's. Queries are asked one at a time, so that their times are those of a search, and each begins with another
/// ef, so that none always finds what the one before it warmed. What each found is kept as an answer of the task.
/// </summary>
internal sealed class EvaluationTaskExecutor(
    IAiClient ai, CollectionLookup lookup, TextVectors texts, ModelEvaluationStore evaluations, TimeProvider time)
    : ITaskExecutor
{
    private const int BatchQueries = 32;

    public string Type => "evaluation";

    public void Validate(JsonElement payload, PayloadErrors errors) => EvaluationPayload.Validate(payload, errors);

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
        var settings = EvaluationSettings.Of(context.Payload);
        if (sums.Runs.Count == 0) sums.Begin(settings.Widths);
        var queries = settings.Sample is { } sample
            ? await SampleAsync(context, collection, sums, sample, cancellation)
            : EvaluationPayload.Queries(context.Payload);
        while (sums.Next < queries.Count)
        {
            var batch = queries.GetRange(sums.Next, Math.Min(BatchQueries, queries.Count - sums.Next));
            var started = time.GetTimestamp();
            var (vectors, tokens) = await VectorsAsync(collection, batch, cancellation);
            var answers = new List<TaskAnswer>(batch.Count);
            for (var i = 0; i < batch.Count; i++)
            {
                // A sampled row that was deleted meanwhile is no query any more.
                if (vectors[i] is not { } vector) continue;
                var number = sums.Next + i;
                var asked = await AskAsync(settings, collection, vector, number, cancellation);
                var answer = sums.Add(batch[i], asked, settings.Depth);
                answers.Add(new TaskAnswer(number, JsonSerializer.Serialize(answer, ApiJson.Options)));
            }

            sums.Next += batch.Count;
            context.AddCost(tokens, (long)time.GetElapsedTime(started).TotalMilliseconds);
            context.ReportProgress(sums.Next * 100 / queries.Count);
            await context.SaveCheckpointAsync(JsonSerializer.Serialize(sums, ApiJson.Options), answers, cancellation);
        }

        if (sums.Asked == 0)
            throw new TaskFailedException("the collection has no rows to take queries from", retriable: false);
        var result = EvaluationResult.Of(collection, settings.Depth, sums);
        if (collection is { ModelId: { } model, ModelMajor: { } major })
            await evaluations.AddOfTaskAsync(
                context.TaskId, collection.Id, model, major, result.Measures(), cancellation);
        return JsonSerializer.Serialize(result, ApiJson.Options);
    }

    /// <summary>Chosen once: an attempt that goes on asks the same rows.</summary>
    private async Task<List<EvaluationQuery>> SampleAsync(
        TaskContext context, Collection collection, EvaluationSums sums, EvaluationSample sample,
        CancellationToken cancellation)
    {
        if (sums.Sample is null)
        {
            sums.Sample = await new RowSample(ai).ChooseAsync(collection, sample, cancellation);
            await context.SaveCheckpointAsync(JsonSerializer.Serialize(sums, ApiJson.Options), cancellation);
        }

        return sums.Sample.ConvertAll(id => new EvaluationQuery(null, null, null) { Row = id });
    }

    private async Task<(IReadOnlyList<IEnumerable<float>?> Vectors, long Tokens)> VectorsAsync(
        Collection collection, List<EvaluationQuery> batch, CancellationToken cancellation)
    {
        if (batch[0].Row is not null)
            return (await new RowSample(ai).VectorsAsync(collection, batch, cancellation), 0);
        var errors = new FieldErrors();
        for (var i = 0; i < batch.Count; i++)
        {
            if (batch[i].Vector is { } vector)
                VectorChecks.Check(errors, new Json.FieldPath("vector", "queries", i), vector, collection.Dims,
                    collection.IsCosine);
        }

        errors.ThrowIfAny();
        var asked = batch.Where(query => query.Text is not null).Select(query => query.Text!).ToArray();
        if (asked.Length == 0) return (batch.ConvertAll(query => (IEnumerable<float>?)query.Vector), 0);
        var embedded = await texts.EmbedForAsync(collection, asked, context: null, cancellation);
        var next = 0;
        var vectors = batch.ConvertAll(query =>
            query.Vector ?? (IEnumerable<float>?)embedded.Embeddings[next++].Values);
        return (vectors, embedded.Tokens);
    }

    /// <summary>One search for each ef, in the order of the settings, and the exact one last.</summary>
    private async Task<EvaluationSearch[]> AskAsync(
        EvaluationSettings settings, Collection collection, IEnumerable<float> vector, int number,
        CancellationToken cancellation)
    {
        var query = new QueryVector();
        query.Values.AddRange(vector);
        var widths = settings.Widths;
        var found = new EvaluationSearch[widths.Count + 1];
        for (var i = 0; i < widths.Count; i++)
        {
            var turn = (number + i) % widths.Count;
            found[turn] = await SearchAsync(settings, collection, query, widths[turn], exact: false, cancellation);
        }

        found[^1] = await SearchAsync(settings, collection, query, 0, exact: true, cancellation);
        return found;
    }

    private async Task<EvaluationSearch> SearchAsync(
        EvaluationSettings settings, Collection collection, QueryVector query, int width, bool exact,
        CancellationToken cancellation)
    {
        var request = new SearchVectorsRequest
        {
            CollectionId = collection.Id,
            Queries = { query },
            TopK = settings.Depth,
            Exact = exact,
            Ef = width,
            Nprobe = settings.Probes,
        };
        var started = time.GetTimestamp();
        var response = await ai.CallAsync(AiCalls.SearchVectors, request, collection.WorkerId, cancellation);
        var took = time.GetElapsedTime(started).TotalMilliseconds;
        if (response.Answers.Count != 1)
            throw new ApiException(ErrorCodes.AiFailed, $"the worker gave {response.Answers.Count} answers to 1 query");
        var hits = response.Answers[0].Hits_
            .Select(hit => new EvaluationHit(RowSample.IdText(hit.Id), hit.Distance, hit.Score)).ToArray();
        return new EvaluationSearch(hits, took, response.EngineMicroseconds / 1000.0);
    }
}

/// <summary>One search of one query.</summary>
internal sealed record EvaluationSearch(IReadOnlyList<EvaluationHit> Hits, double Milliseconds, double EngineMs);

internal readonly record struct EvaluationHit(string Id, float Distance, float Score);
