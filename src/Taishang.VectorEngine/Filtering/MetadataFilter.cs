namespace Taishang.VectorEngine.Filtering;

/// <summary>
/// A condition over a row's metadata, parsed once and evaluated per row. Grammar: <c>{"field": value}</c>,
/// <c>$eq $ne $gt $gte $lt $lte $in $nin $exists $contains</c>, <c>$and $or $not</c>; nested fields by dots.
/// </summary>
public sealed class MetadataFilter
{
    private MetadataFilter()
    {
    }

    /// <summary>Parses the JSON of a filter.</summary>
    /// <exception cref="FilterSyntaxException">The text is not a filter; the message names the place.</exception>
    public static MetadataFilter Parse(ReadOnlySpan<byte> filterJson) => throw new FilterSyntaxException("$", "not yet");
}

/// <summary>A filter that cannot be understood; the caller's mistake.</summary>
/// <param name="path">Where in the filter, as a JSON path such as <c>$.$and[1].year</c>.</param>
/// <param name="reason">What was expected and what came.</param>
public sealed class FilterSyntaxException(string path, string reason) : Exception($"filter at {path}: {reason}")
{
    public string Path { get; } = path;
}
