using Taishang.Ai.Indexes;
using Taishang.Contracts.Ai.V1;
using Taishang.VectorEngine;
using Taishang.VectorEngine.Filtering;

namespace Taishang.Ai.Rpc;

/// <summary>
/// The path that all others are measured by: the floats of the message go to the engine as they lie, and nothing is
/// logged, locked or copied on the way.
/// </summary>
internal sealed class SearchCalls(
    CollectionStore store, CallGates gates, RecallSampler sampler, AiMetrics metrics, TimeProvider time,
    RpcOptions options)
{
    public async Task<SearchVectorsResponse> SearchAsync(SearchVectorsRequest request, CancellationToken cancellation)
    {
        var id = RequestRules.CollectionId(request.CollectionId);
        Check(request);
        var filter = RequestRules.Filter(request.FilterJson);
        using var lease = await store.EnterAsync(id, cancellation);
        CheckAnswerBytes(request, lease.Options.Dimensions);
        using var place = await gates.Searches.EnterAsync(cancellation);
        using var activity = AiMetrics.Source.StartActivity("vectors.search");
        activity?.SetTag("collection.id", request.CollectionId).SetTag("queries", request.Queries.Count);

        var response = new SearchVectorsResponse();
        var started = time.GetTimestamp();
        response.Answers.AddRange(request.GroupBy.Length == 0
            ? Ask(lease.Collection, request, filter, cancellation)
            : AskGroups(lease.Collection, request, filter, cancellation));
        var engine = time.GetElapsedTime(started);
        response.EngineMicroseconds = (long)engine.TotalMicroseconds;
        metrics.Search(lease.IndexName, request.Queries.Count, engine);
        if (lease.Options.Index != IndexKind.Flat && sampler.Wants()) Sample(id, lease.IndexName, request, filter);
        return response;
    }

    /// <summary>One query of a batch stands for all. Groups and exact searches have nothing to compare.</summary>
    private void Sample(Guid id, string indexName, SearchVectorsRequest request, MetadataFilter? filter)
    {
        if (request.Exact || request.GroupBy.Length > 0) return;
        var question = Question(request, filter) with
        {
            Vector = RepeatedFloats.AsMemory(request.Queries[0].Values),
            ScoreThreshold = null,
            IncludeMetadata = false,
            IncludeVector = false,
        };
        sampler.Offer(new RecallSample(id, indexName, question));
    }

    private static void Check(SearchVectorsRequest request)
    {
        if (request.Queries.Count == 0)
            throw new WorkerException(ErrorCode.InvalidArgument, "queries: at least one is expected", "queries");
        RequestRules.Range("queries", request.Queries.Count, 1, RpcLimits.QueriesMax);
        RequestRules.Range("top_k", request.TopK, 1, RpcLimits.TopKMax);
        RequestRules.Range("offset", request.Offset, 0, RpcLimits.OffsetMax);
        RequestRules.Range("ef", request.Ef, 0, RpcLimits.EfMax);
        RequestRules.Range("nprobe", request.Nprobe, 0, Limits.ListsMax);
        if (request.HasScoreThreshold && !float.IsFinite(request.ScoreThreshold))
            throw new WorkerException(
                ErrorCode.InvalidArgument, $"score_threshold: expected a finite number, got {request.ScoreThreshold}",
                "score_threshold");
        CheckGroups(request);
        RequestRules.Range(
            "queries × top_k", (long)request.Queries.Count * request.TopK * GroupSize(request), 1, RpcLimits.HitsMax);
    }

    private static void CheckGroups(SearchVectorsRequest request)
    {
        RequestRules.Range("group_size", request.GroupSize, 0, Limits.GroupSizeMax);
        RequestRules.Range("group_by", request.GroupBy.Length, 0, FilterLimits.PathCharactersMax);
        if (request.GroupBy.Length == 0)
        {
            RequestRules.Range("group_size", request.GroupSize, 0, 0);
            return;
        }

        RequestRules.Range("offset", request.Offset, 0, 0);
        RequestRules.Range("top_k × group_size", (long)request.TopK * GroupSize(request), 1, Limits.GroupedHitsMax);
    }

    private void CheckAnswerBytes(SearchVectorsRequest request, int dimensions)
    {
        if (!request.IncludeVector) return;
        var bytes = (long)request.Queries.Count * request.TopK * GroupSize(request) * dimensions * sizeof(float);
        if (bytes > options.SendBytesMax)
            throw new WorkerException(
                ErrorCode.InvalidArgument,
                $"top_k: the vectors of the hits would be {bytes} bytes, an answer holds {options.SendBytesMax}",
                "top_k");
    }

    private static SearchRequest Question(SearchVectorsRequest request, MetadataFilter? filter) =>
        new(default, request.TopK)
        {
            EfSearch = request.Ef == 0 ? null : request.Ef,
            Probes = request.Nprobe == 0 ? null : request.Nprobe,
            Exact = request.Exact,
            Filter = filter,
            Offset = request.Offset,
            ScoreThreshold = request.HasScoreThreshold ? request.ScoreThreshold : null,
            IncludeMetadata = request.IncludeMetadata,
            IncludeVector = request.IncludeVector,
        };

    /// <summary>A batch holds one place and shares its queries with threads of places that nobody else wants now.
    /// </summary>
    private Hits[] Ask(
        IVectorCollection collection, SearchVectorsRequest request, MetadataFilter? filter,
        CancellationToken cancellation)
    {
        var answers = new Hits[request.Queries.Count];
        using var idle = gates.Searches.TakeIdle(answers.Length - 1);
        try
        {
            collection.SearchAll(
                Array.ConvertAll<QueryVector, ReadOnlyMemory<float>>(
                    [.. request.Queries], query => RepeatedFloats.AsMemory(query.Values)),
                Question(request, filter),
                1 + idle.Count,
                (query, matches) => answers[query] = WireHits.Of(matches, request),
                cancellation);
        }
        catch (VectorInputException e) when (e.Row is { } query)
        {
            throw OfQuery(e, query);
        }

        return answers;
    }

    private static IEnumerable<Hits> AskGroups(
        IVectorCollection collection, SearchVectorsRequest request, MetadataFilter? filter,
        CancellationToken cancellation)
    {
        var by = new GroupBy(request.GroupBy, GroupSize(request));
        for (var i = 0; i < request.Queries.Count; i++)
        {
            var vector = RepeatedFloats.AsMemory(request.Queries[i].Values);
            var question = Question(request, filter) with { Vector = vector };
            GroupedAnswer answer;
            try
            {
                answer = collection.SearchGroups(question, by, cancellation);
            }
            catch (VectorInputException e) when (e.Kind != VectorInputError.BadParameter)
            {
                throw OfQuery(e, i);
            }

            yield return WireHits.Of(answer);
        }
    }

    /// <summary>The engine knows one query; which of the batch it was is told here.</summary>
    private static WorkerException OfQuery(VectorInputException e, int query) =>
        new(WorkerErrors.CodeOf(e.Kind), $"queries[{query}]: {e.Message}", $"queries[{query}]");

    private static int GroupSize(SearchVectorsRequest request) => Math.Max(1, request.GroupSize);
}
