using System.Text.Json;
using System.Text.Json.Nodes;
using Taishang.Core.Api;

namespace Taishang.Core.Collections;

/// <summary>Parameters of the graph index; a FLAT collection has none.</summary>
/// <param name="Connectivity">Links of a node on the upper layers, <c>m</c>: 4–64.</param>
/// <param name="EfConstruction">Candidates kept while a node is linked: 8–2000.</param>
/// <param name="EfSearch">Candidates kept while searching: 1–16384.</param>
internal sealed record CollectionParams(int? Connectivity, int? EfConstruction, int? EfSearch)
{
    public static CollectionParams None { get; } = new(null, null, null);

    /// <summary>What a collection gets where the caller says nothing: the engine's own defaults, spelled out so that
    /// they stay what they were when a later engine prefers others.</summary>
    public static CollectionParams HnswDefaults { get; } = new(16, 200, 64);

    public string ToJson()
    {
        var json = new JsonObject();
        if (Connectivity is { } connectivity) json["m"] = connectivity;
        if (EfConstruction is { } construction) json["ef_construction"] = construction;
        if (EfSearch is { } search) json["ef_search"] = search;
        return json.ToJsonString();
    }

    public static CollectionParams Parse(string json)
    {
        using var document = JsonDocument.Parse(json);
        int? Number(string name) =>
            document.RootElement.TryGetProperty(name, out var value) ? value.GetInt32() : null;
        return new CollectionParams(Number("m"), Number("ef_construction"), Number("ef_search"));
    }

    /// <summary>
    /// Reads what a caller gave; what is not a parameter of the index type is refused, never ignored.
    /// </summary>
    public static CollectionParams Read(JsonElement? given, bool flat, FieldErrors errors)
    {
        var result = None;
        if (given is not { ValueKind: not JsonValueKind.Null } element) return result;
        if (element.ValueKind != JsonValueKind.Object)
        {
            errors.Add(ErrorCodes.WrongType, "params", $"expected an object, came {Came(element)}");
            return result;
        }

        foreach (var property in element.EnumerateObject())
        {
            if (flat)
            {
                errors.Add(
                    ErrorCodes.CollectionParameter, $"params.{property.Name}", "a FLAT collection has no parameters");
                continue;
            }

            result = property.Name switch
            {
                "m" or "M" when result.Connectivity is not null => Twice(errors, property, result),
                "m" or "M" => result with { Connectivity = Number(errors, property, 4, 64) },
                "ef_construction" => result with { EfConstruction = Number(errors, property, 8, 2000) },
                "ef_search" => result with { EfSearch = Number(errors, property, 1, 16384) },
                _ => Unknown(errors, property, result),
            };
        }

        return result;
    }

    public CollectionParams Over(CollectionParams defaults) => new(
        Connectivity ?? defaults.Connectivity,
        EfConstruction ?? defaults.EfConstruction,
        EfSearch ?? defaults.EfSearch);

    private static int? Number(FieldErrors errors, JsonProperty property, int min, int max)
    {
        var value = property.Value;
        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number)
            && number >= min && number <= max) return number;
        errors.Add(
            value.ValueKind == JsonValueKind.Number ? ErrorCodes.CollectionParameter : ErrorCodes.WrongType,
            $"params.{property.Name}", $"expected a whole number from {min} to {max}, came {Came(value)}");
        return null;
    }

    private static CollectionParams Twice(FieldErrors errors, JsonProperty property, CollectionParams result)
    {
        errors.Add(ErrorCodes.CollectionParameter, $"params.{property.Name}", "given twice");
        return result;
    }

    private static CollectionParams Unknown(FieldErrors errors, JsonProperty property, CollectionParams result)
    {
        errors.Add(ErrorCodes.CollectionParameter, $"params.{property.Name}",
            "not a parameter of HNSW, which takes m, ef_construction, ef_search");
        return result;
    }

    private static string Came(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.Null => "null",
        _ => value.GetRawText() is { Length: <= 40 } text ? text : value.GetRawText()[..40] + "…",
    };
}
