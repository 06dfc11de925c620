using Google.Protobuf;
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
    CollectionStore store, CallGates gates, AiMetrics metrics, TimeProvider time, RpcOptions options)
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
        var engine = TimeSpan.Zero;
        for (var i = 0; i < request.Queries.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            var question = Question(request, i, filter);
            var started = time.GetTimestamp();
            var answer = Ask(lease.Collection, question, i, cancellation);
            engine += time.GetElapsedTime(started);
            response.Answers.Add(ToWire(answer));
        }

        response.EngineMicroseconds = (long)engine.TotalMicroseconds;
        metrics.Search(lease.IndexName, request.Queries.Count, engine);
        return response;
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
        RequestRules.Range("queries × top_k", (long)request.Queries.Count * request.TopK, 1, RpcLimits.HitsMax);
    }

    private void CheckAnswerBytes(SearchVectorsRequest request, int dimensions)
    {
        if (!request.IncludeVector) return;
        var bytes = (long)request.Queries.Count * request.TopK * dimensions * sizeof(float);
        if (bytes > options.SendBytesMax)
            throw new WorkerException(
                ErrorCode.InvalidArgument,
                $"top_k: the vectors of the hits would be {bytes} bytes, an answer holds {options.SendBytesMax}",
                "top_k");
    }

    private static SearchRequest Question(SearchVectorsRequest request, int query, MetadataFilter? filter) =>
        new(RepeatedFloats.AsMemory(request.Queries[query].Values), request.TopK)
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

    private static SearchAnswer Ask(
        VectorCollection collection, SearchRequest question, int query, CancellationToken cancellation)
    {
        try
        {
            return collection.Search(question, cancellation);
        }
        catch (VectorInputException e) when (e.Kind != VectorInputError.BadParameter)
        {
            // The engine knows one query; which of the batch it was is known here.
            throw new WorkerException(
                WorkerErrors.CodeOf(e.Kind), $"queries[{query}]: {e.Message}", $"queries[{query}]");
        }
    }

    private static Hits ToWire(SearchAnswer answer)
    {
        var hits = new Hits();
        hits.Hits_.Capacity = answer.Hits.Count;
        foreach (var found in answer.Hits)
        {
            var hit = new Hit { Id = RowCalls.ToWire(found.Id), Distance = found.Distance, Score = found.Score };
            if (!found.MetadataJson.IsEmpty) hit.MetadataJson = RowCalls.Metadata(found.MetadataJson);
            if (!found.Vector.IsEmpty) hit.Vector.AddRange(found.Vector.Span);
            hits.Hits_.Add(hit);
        }

        return hits;
    }
}
