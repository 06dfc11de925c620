namespace Taishang.Core.Vectors.Json;

/// <summary>Where in a body something stands; turned into text only when there is an error to tell.</summary>
/// <param name="Name">A field, or a field of the list's element.</param>
/// <param name="List">The list that the element is in; null for a field of the body.</param>
/// <param name="Row">Zero-based position in the list.</param>
internal readonly record struct FieldPath(string Name, string? List = null, int Row = 0)
{
    public override string ToString()
    {
        if (List is null) return Name;
        return Name.Length == 0 ? $"{List}[{Row}]" : $"{List}[{Row}].{Name}";
    }
}
