using Taishang.Ai.Indexes;
using Taishang.Contracts.Ai.V1;
using Taishang.VectorEngine;

namespace Taishang.Ai.Rpc;

/// <summary>The life of collections.</summary>
internal sealed class CollectionCalls(CollectionStore store)
{
    public async Task<CreateCollectionResponse> CreateAsync(
        CreateCollectionRequest request, CancellationToken cancellation)
    {
        var id = RequestRules.CollectionId(request.CollectionId);
        await store.CreateAsync(id, CollectionSpecs.ToEngine(request.Spec), request.Spec.Pinned, cancellation);
        return new CreateCollectionResponse();
    }

    public async Task<UpdateCollectionResponse> UpdateAsync(
        UpdateCollectionRequest request, CancellationToken cancellation)
    {
        var id = RequestRules.CollectionId(request.CollectionId);
        RequestRules.Range("ef_search", request.EfSearch, 0, Limits.EfSearchMax);
        RequestRules.Range("nprobe", request.Nprobe, 0, Limits.ListsMax);
        RequestRules.Range("ttl_seconds", request.TtlSeconds, -1, RpcLimits.TtlSecondsMax);
        // First: where it is refused, nothing else is to change.
        if (request.HasPinned) await store.PinAsync(id, request.Pinned, cancellation);
        // Nothing else is asked for, and a collection that may go cold is not loaded to be told so.
        if (request is { HasPinned: true, EfSearch: 0, Nprobe: 0, TtlSeconds: 0 })
            return new UpdateCollectionResponse();
        using var lease = await store.EnterAsync(id, cancellation);
        // The engine takes the time to live as it shall be, so what is kept is told again.
        var timeToLive = request.TtlSeconds switch
        {
            -1 => (TimeSpan?)null,
            0 => lease.Collection.Describe().Options.TimeToLive,
            _ => TimeSpan.FromSeconds(request.TtlSeconds),
        };
        await lease.Collection.ReconfigureAsync(
            request.EfSearch == 0 ? null : request.EfSearch, request.Nprobe == 0 ? null : request.Nprobe, timeToLive,
            cancellation);
        return new UpdateCollectionResponse();
    }

    public async Task<DropCollectionResponse> DropAsync(
        DropCollectionRequest request, CancellationToken cancellation) =>
        new() { Existed = await store.DropAsync(RequestRules.CollectionId(request.CollectionId), cancellation) };

    public async Task<DescribeCollectionResponse> DescribeAsync(
        DescribeCollectionRequest request, CancellationToken cancellation)
    {
        var id = RequestRules.CollectionId(request.CollectionId);
        var (description, isHot, isPinned) = await store.DescribeAsync(id, cancellation);
        var spec = CollectionSpecs.ToWire(description.Options);
        spec.Pinned = isPinned;
        return new DescribeCollectionResponse
        {
            Spec = spec,
            LiveRows = description.LiveRows,
            DeadRows = description.DeadRows,
            IndexedRows = description.IndexedRows,
            DiskBytes = description.DiskBytes,
            MemoryBytes = description.MemoryBytes,
            RecoveryNotes = { description.RecoveryNotes },
            Index = IndexTypes.ToWire(description.Index),
            Tier = isHot ? Tier.Hot : Tier.Cold,
        };
    }
}
