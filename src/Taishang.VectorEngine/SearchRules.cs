using Taishang.VectorEngine.Filtering;

namespace Taishang.VectorEngine;

/// <summary>What searches and scrolls may ask for.</summary>
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

    public static void CheckQueries(IReadOnlyList<ReadOnlyMemory<float>> vectors, VectorCollectionOptions options)
    {
        RowRules.CheckRange("queries", vectors.Count, 1, Limits.QueriesPerCallMax);
        for (var i = 0; i < vectors.Count; i++)
        {
            try
            {
                RowRules.CheckVector(vectors[i].Span, options, row: null);
            }
            catch (VectorInputException exception)
            {
                throw new VectorInputException(exception.Kind, exception.Message, i);
            }
        }
    }

    public static void CheckGroups(SearchRequest request, GroupBy by)
    {
        RowRules.CheckRange("group_by", by.Field.Length, 1, FilterLimits.PathCharactersMax);
        RowRules.CheckRange("group_size", by.Size, 1, Limits.GroupSizeMax);
        RowRules.CheckRange("offset", request.Offset, 0, 0);
        var hits = (long)request.TopK * by.Size;
        if (hits > Limits.GroupedHitsMax)
        {
            throw new VectorInputException(
                VectorInputError.BadParameter,
                $"top_k × group_size: expected at most {Limits.GroupedHitsMax}, got {hits}");
        }
    }

    public static void CheckScroll(ScrollRequest request)
    {
        RowRules.CheckRange("limit", request.Limit, 1, Limits.ScrollRowsMax);
        if (request.Cursor is not null && request.Filter is not null)
        {
            throw new VectorInputException(
                VectorInputError.BadParameter, "filter: it is given with the first page, the cursor keeps it");
        }
    }
}
