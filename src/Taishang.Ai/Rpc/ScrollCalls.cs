using Taishang.Ai.Indexes;
using Taishang.Contracts.Ai.V1;
using Taishang.VectorEngine;

namespace Taishang.Ai.Rpc;

/// <summary>All rows of a collection, page by page.</summary>
internal sealed class ScrollCalls(CollectionStore store, CallGates gates)
{
    public async Task<ScrollVectorsResponse> ScrollAsync(
        ScrollVectorsRequest request, CancellationToken cancellation)
    {
        var id = RequestRules.CollectionId(request.CollectionId);
        RequestRules.Range("limit", request.Limit, 1, Limits.ScrollRowsMax);
        RequestRules.Range("cursor", request.Cursor.Length, 0, RpcLimits.CursorCharsMax);
        var filter = RequestRules.Filter(request.FilterJson);
        if (request.Cursor.Length > 0 && filter is not null)
            throw new WorkerException(
                ErrorCode.InvalidArgument, "filter: it is given with the first page, the cursor keeps it", "filter");
        using var lease = await store.EnterAsync(id, cancellation);
        using var place = await gates.Searches.EnterAsync(cancellation);
        var page = Read(lease.Collection, new ScrollRequest(request.Limit)
        {
            Cursor = request.Cursor.Length == 0 ? null : request.Cursor,
            Filter = filter,
            BytesMax = RpcLimits.ScrollBytesMax,
            IncludeMetadata = request.IncludeMetadata,
            IncludeVector = request.IncludeVector,
        });
        var response = new ScrollVectorsResponse { NextCursor = page.NextCursor ?? "", Total = page.Total };
        foreach (var row in page.Rows) response.Rows.Add(RowCalls.ToWire(row));
        return response;
    }

    private static ScrollPage Read(IVectorCollection collection, ScrollRequest request)
    {
        try
        {
            return collection.Scroll(request);
        }
        catch (VectorInputException e) when (request.Cursor is not null)
        {
            throw new WorkerException(ErrorCode.InvalidArgument, e.Message, "cursor");
        }
    }
}
