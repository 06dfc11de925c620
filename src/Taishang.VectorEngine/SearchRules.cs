namespace Taishang.VectorEngine;

/// <summary>What a search may ask for.</summary>
internal static class SearchRules
{
    /// <summary>Checks everything but the vector; returns the width to search with.</summary>
    public static int Check(SearchRequest request, VectorCollectionOptions options)
    {
        RowRules.CheckRange("top_k", request.TopK, 1, Limits.TopKMax);
        RowRules.CheckRange("offset", request.Offset, 0, Limits.OffsetMax);
        var efSearch = request.EfSearch ?? options.Hnsw.EfSearch;
        RowRules.CheckRange("ef", efSearch, 1, Limits.EfSearchMax);
        return efSearch;
    }
}
