namespace Taishang.VectorEngine;

/// <summary>Searches of every collection, made of those that it answers itself.</summary>
public static class VectorCollectionSearches
{
    /// <summary>The nearest rows, copied out of the engine; fewer than asked only when fewer exist, match or reach the
    /// threshold.</summary>
    /// <exception cref="VectorInputException">The request breaks a rule.</exception>
    public static SearchAnswer Search(
        this IVectorCollection collection, SearchRequest request, CancellationToken cancellation = default)
    {
        using var matches = new SearchMatches();
        collection.Search(request.Vector.Span, request, matches, cancellation);
        return AnswerWriter.Write(matches, request);
    }
}
