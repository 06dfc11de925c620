using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

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

    /// <summary>What stands there in the words of JSON, for a body that is parsed into this type.</summary>
    public static string Expected(Type? root, string path)
    {
        var type = root;
        var rest = path.AsSpan().TrimStart('$');
        while (type is not null && !rest.IsEmpty)
        {
            if (Step(ref rest) is not { } key) return Words(null);
            var info = ApiJson.Options.GetTypeInfo(type);
            type = info.Kind == JsonTypeInfoKind.Object
                ? info.Properties.FirstOrDefault(property => property.Name == key)?.PropertyType
                : info.ElementType;
        }

        return Words(type is null ? null : Nullable.GetUnderlyingType(type) ?? type);
    }

    private static string Words(Type? type)
    {
        if (type is null) return "another JSON type";
        if (type == typeof(string)) return "a string";
        if (type == typeof(bool)) return "true or false";
        if (type == typeof(DateTimeOffset)) return "a time in RFC 3339";
        if (type == typeof(long) || type == typeof(ulong)) return "a whole number of 64 bits";
        if (type == typeof(float) || type == typeof(double) || type == typeof(decimal)) return "a number";
        if (type.IsPrimitive) return "a whole number of 32 bits";
        return ApiJson.Options.GetTypeInfo(type).Kind == JsonTypeInfoKind.Enumerable ? "an array" : "an object";
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
