using Google.Protobuf;
using Taishang.Ai.Indexes;
using Taishang.Contracts.Ai.V1;
using Taishang.VectorEngine;
using Taishang.VectorEngine.Memory;

namespace Taishang.Ai.Rpc;

/// <summary>Rows in, rows out, rows gone.</summary>
internal sealed class RowCalls(
    CollectionStore store, CallGates gates, MemoryBudget memory, AiMetrics metrics, TimeProvider time,
    RpcOptions options)
{
    /// <summary>A row lies in memory beside the message it came in and the log's buffer it goes through.</summary>
    private const int CopiesOfARow = 3;

    public async Task<UpsertVectorsResponse> UpsertAsync(UpsertVectorsRequest request, CancellationToken cancellation)
    {
        var id = RequestRules.CollectionId(request.CollectionId);
        var rows = RequestRules.Rows(request.Rows);
        using var lease = await store.EnterAsync(id, cancellation);
        using var place = await gates.Writes.EnterAsync(cancellation);
        var vectorBytes = (long)rows.Length * lease.Options.Dimensions * sizeof(float);
        memory.Require(vectorBytes * CopiesOfARow, "the upsert");
        using var activity = AiMetrics.Source.StartActivity("vectors.upsert");
        activity?.SetTag("collection.id", request.CollectionId).SetTag("rows", rows.Length);
        var started = time.GetTimestamp();
        // Not the caller's token: a write that was begun is finished, so that its fate is known.
        var count = await lease.Collection.UpsertAsync(rows, CancellationToken.None);
        metrics.Upsert(lease.IndexName, count, time.GetElapsedTime(started));
        return new UpsertVectorsResponse { Count = count };
    }

    public async Task<DeleteVectorsResponse> DeleteAsync(DeleteVectorsRequest request, CancellationToken cancellation)
    {
        var id = RequestRules.CollectionId(request.CollectionId);
        if (request.Ids.Count > 0 == !request.FilterJson.IsEmpty)
            throw new WorkerException(
                ErrorCode.InvalidArgument, "ids, filter: exactly one of the two is expected", "ids");
        var ids = RequestRules.Ids(request.Ids);
        var filter = RequestRules.Filter(request.FilterJson);
        using var lease = await store.EnterAsync(id, cancellation);
        using var place = await gates.Writes.EnterAsync(cancellation);
        using var activity = AiMetrics.Source.StartActivity("vectors.delete");
        activity?.SetTag("collection.id", request.CollectionId).SetTag("ids", ids.Length);
        var count = filter is null
            ? await lease.Collection.DeleteAsync(ids, CancellationToken.None)
            : await lease.Collection.DeleteAsync(filter, CancellationToken.None);
        metrics.Delete(count);
        return new DeleteVectorsResponse { Count = count };
    }

    public async Task<GetVectorsResponse> GetAsync(GetVectorsRequest request, CancellationToken cancellation)
    {
        var id = RequestRules.CollectionId(request.CollectionId);
        var ids = RequestRules.Ids(request.Ids);
        using var lease = await store.EnterAsync(id, cancellation);
        var bytes = (long)ids.Length * lease.Options.Dimensions * sizeof(float);
        if (bytes > options.SendBytesMax)
            throw new WorkerException(
                ErrorCode.TooManyRows,
                $"ids: {ids.Length} vectors of {lease.Options.Dimensions} dims are {bytes} bytes, an answer holds "
                + $"{options.SendBytesMax}", "ids");
        var response = new GetVectorsResponse();
        foreach (var row in lease.Collection.Get(ids)) response.Rows.Add(ToWire(row));
        return response;
    }

    public async Task<CountVectorsResponse> CountAsync(CountVectorsRequest request, CancellationToken cancellation)
    {
        var id = RequestRules.CollectionId(request.CollectionId);
        var filter = RequestRules.Filter(request.FilterJson);
        using var lease = await store.EnterAsync(id, cancellation);
        if (filter is null) return new CountVectorsResponse { Count = lease.Collection.Count() };
        // A filter may look at every row: that is a search's work, and takes a search's place.
        using var place = await gates.Searches.EnterAsync(cancellation);
        return new CountVectorsResponse { Count = lease.Collection.Count(filter) };
    }

    public static RowId ToWire(VectorId id) =>
        id.IsInteger && long.TryParse(id.Text, out var integer)
            ? new RowId { Integer = integer }
            : new RowId { Text = id.Text };

    /// <summary>Not copied: the engine never changes metadata once written, and the collector keeps it alive.</summary>
    public static ByteString Metadata(ReadOnlyMemory<byte> json) => UnsafeByteOperations.UnsafeWrap(json);

    public static Row ToWire(VectorRow row)
    {
        var wire = new Row { Id = ToWire(row.Id), ExpiresAtMs = row.ExpiresAt?.ToUnixTimeMilliseconds() ?? 0 };
        wire.Vector.AddRange(row.Vector.Span);
        wire.MetadataJson = Metadata(row.MetadataJson);
        return wire;
    }
}
