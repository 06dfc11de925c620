namespace Taishang.VectorEngine.Filtering;

/// <summary>A filter that cannot be understood; the caller's mistake.</summary>
/// <param name="path">Where in the filter, as a JSON path such as <c>$.$and[1].year</c>.</param>
/// <param name="reason">What was expected and what came.</param>
public sealed class FilterSyntaxException(string path, string reason) : Exception($"filter at {path}: {reason}")
{
    public string Path { get; } = path;
}
