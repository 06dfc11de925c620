using System.Globalization;
using System.Text.Json;

namespace Taishang.Core.Api;

/// <summary>Walks the paths that the parser names faults by: <c>$.rows[3].id</c>, <c>$['a b']</c>.</summary>
internal static class JsonPath
{
    /// <summary>The value there; null when the path does not lead to one.</summary>
    public static JsonElement? Find(JsonElement root, string path)
    {
        var value = root;
        var rest = path.AsSpan().TrimStart('$');
        while (!rest.IsEmpty)
        {
            if (Step(ref rest) is not { } key) return null;
            if (int.TryParse(key, NumberStyles.None, null, out var index) && value.ValueKind == JsonValueKind.Array)
            {
                if (index >= value.GetArrayLength()) return null;
                value = value[index];
            }
            else if (value.ValueKind != JsonValueKind.Object || !value.TryGetProperty(key, out value))
            {
                return null;
            }
        }

        return value;
    }

    private static string? Step(ref ReadOnlySpan<char> rest)
    {
        var quoted = rest.StartsWith("['");
        var start = quoted ? 2 : 1;
        if (rest.Length <= start || (rest[0] != '.' && rest[0] != '[')) return null;
        var end = quoted ? rest[start..].IndexOf("']") : rest[start..].IndexOfAny(rest[0] == '.' ? ".[" : "]");
        if (end < 0 && rest[0] == '[') return null;
        var key = end < 0 ? rest[start..] : rest.Slice(start, end);
        var used = start + key.Length + (quoted ? 2 : rest[0] == '[' ? 1 : 0);
        rest = rest[used..];
        return key.ToString();
    }
}
