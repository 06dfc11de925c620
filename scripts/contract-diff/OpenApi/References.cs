using System.Text.Json.Nodes;

namespace Taishang.ContractDiff.OpenApi;

/// <summary>Follows <c>$ref</c> within one file.</summary>
public sealed class References(JsonObject file)
{
    /// <summary>A longer chain of references is a circle.</summary>
    private const int HopsMax = 32;

    /// <summary>The object that a node is or refers to.</summary>
    /// <exception cref="FormatException">A reference leads nowhere, in a circle, or out of the file.</exception>
    public JsonObject Resolve(JsonNode? node)
    {
        for (var hop = 0; hop < HopsMax; hop++)
        {
            if (node is not JsonObject found) throw new FormatException($"expected an object, came {Text(node)}");
            if (found["$ref"] is not JsonValue reference) return found;
            node = Find((string)reference!);
        }

        throw new FormatException($"a circle of references at {Text(node)}");
    }

    /// <summary>The name by which a node is referred to, null where it stands in place.</summary>
    public static string? NameOf(JsonNode? node) => (string?)(node as JsonObject)?["$ref"];

    private JsonNode Find(string reference)
    {
        if (!reference.StartsWith("#/", StringComparison.Ordinal))
            throw new FormatException($"'{reference}' leads out of the file");
        JsonNode? node = file;
        foreach (var part in reference[2..].Split('/'))
            node = (node as JsonObject)?[part.Replace("~1", "/").Replace("~0", "~")];
        return node ?? throw new FormatException($"'{reference}' leads nowhere");
    }

    private static string Text(JsonNode? node) => node?.ToJsonString() ?? "null";
}

/// <summary>Short ways through a tree in which most parts may be absent.</summary>
internal static class JsonPaths
{
    public static JsonObject Child(this JsonObject node, string name) => node[name] as JsonObject ?? [];

    public static IEnumerable<JsonNode?> List(this JsonObject node, string name) => node[name] as JsonArray ?? [];

    public static bool Flag(this JsonObject node, string name) =>
        node[name] is JsonValue value && value.TryGetValue<bool>(out var flag) && flag;
}
