using Taishang.VectorEngine.Filtering;
using Taishang.VectorEngine.Indexes;

namespace Taishang.VectorEngine;

/// <summary>What searches and scrolls may ask for.</summary>
internal static class SearchRules
{
    /// <summary>Checks everything but the vector; returns how hard to look.</summary>
    private static SearchEffort Check(SearchRequest request, VectorCollectionOptions options)
    {
        RowRules.CheckRange("top_k", request.TopK, 1, Limits.TopKMax);
        RowRules.CheckRange("offset", request.Offset, 0, Limits.OffsetMax);
        var efSearch = request.EfSearch ?? options.Hnsw.EfSearch;
        RowRules.CheckRange("ef", efSearch, 1, Limits.EfSearchMax);
        if (request.Probes is { } probes)
            RowRules.CheckRange("nprobe", probes, 1, Limits.ListsMax);
        var byDefault = options.Ivf.Probes > 0 ? options.Ivf.Probes : (int?)null;
        return new SearchEffort(efSearch, request.Probes ?? byDefault, request.TopK);
    }

    /// <summary>Checks a request with its query.</summary>
    public static SearchEffort Check(
        SearchRequest request, ReadOnlySpan<float> vector, VectorCollectionOptions options)
    {
        var effort = Check(request, options);
        RowRules.CheckVector(vector, options, row: null);
        return effort;
    }

    /// <summary>Checks a request with its queries, and how many threads answer them.</summary>
    public static SearchEffort CheckAll(
        SearchRequest request, IReadOnlyList<ReadOnlyMemory<float>> vectors, int threads,
        VectorCollectionOptions options)
    {
        var effort = Check(request, options);
        CheckQueries(vectors, options);
        RowRules.CheckRange("threads", threads, 1, Limits.QueriesPerCallMax);
        return effort;
    }

    /// <summary>Checks a request for groups with its query.</summary>
    public static SearchEffort Check(SearchRequest request, GroupBy by, VectorCollectionOptions options)
    {
        var effort = Check(request, options);
        CheckGroups(request, by);
        RowRules.CheckVector(request.Vector.Span, options, row: null);
        return effort;
    }

    private static void CheckQueries(IReadOnlyList<ReadOnlyMemory<float>> vectors, VectorCollectionOptions options)
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

    private static void CheckGroups(SearchRequest request, GroupBy by)
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
