using System.Text.Json;
using System.Text.Json.Nodes;
using Taishang.Core.Api;

namespace Taishang.Core.Collections;

/// <summary>Parameters of the index; which of them, its type says (<see cref="IndexTypes"/>).</summary>
/// <param name="Connectivity">Links of a node on the upper layers, <c>m</c>: 4–64.</param>
/// <param name="EfConstruction">Candidates kept while a node is linked: 8–2000.</param>
/// <param name="EfSearch">Candidates kept while searching: 1–16384.</param>
/// <param name="Lists">Lists of an IVF index, <c>nlist</c>: 1–65536; none lets the worker choose by the rows.</param>
/// <param name="Probes">Of them, those that a search looks through, <c>nprobe</c>: 1–65536; none lets the worker
/// choose by their number.</param>
/// <param name="Rerank">With a compression, what orders its finds: float32 (when absent), float16, none.</param>
internal sealed record CollectionParams(
    int? Connectivity = null, int? EfConstruction = null, int? EfSearch = null, int? Lists = null, int? Probes = null,
    string? Rerank = null)
{
    private const int ListsMax = 65_536;
    private const string RerankName = "rerank";

    public static CollectionParams None { get; } = new();

    /// <summary>What a collection gets where the caller says nothing: the engine's own defaults, spelled out so that
    /// they stay what they were when a later engine prefers others.</summary>
    public static CollectionParams HnswDefaults { get; } = new(16, 200, 64);

    public string ToJson()
    {
        var json = new JsonObject();
        if (Connectivity is { } connectivity) json["m"] = connectivity;
        if (EfConstruction is { } construction) json["ef_construction"] = construction;
        if (EfSearch is { } search) json["ef_search"] = search;
        if (Lists is { } lists) json["nlist"] = lists;
        if (Probes is { } probes) json["nprobe"] = probes;
        if (Rerank is { } rerank) json["rerank"] = rerank;
        return json.ToJsonString();
    }

    public static CollectionParams Parse(string json)
    {
        using var document = JsonDocument.Parse(json);
        int? Number(string name) =>
            document.RootElement.TryGetProperty(name, out var value) ? value.GetInt32() : null;
        return new CollectionParams(
            Number("m"), Number("ef_construction"), Number("ef_search"), Number("nlist"), Number("nprobe"),
            document.RootElement.TryGetProperty("rerank", out var rerank) ? rerank.GetString() : null);
    }

    /// <summary>
    /// Reads what a caller gave; what is not a parameter of the index type is refused, never ignored.
    /// </summary>
    /// <param name="given">The body's field.</param>
    /// <param name="type">Null when it is not known: then only what no type has is refused.</param>
    /// <param name="errors">Gets what is wrong.</param>
    public static CollectionParams Read(JsonElement? given, IndexTypeRule? type, FieldErrors errors)
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
            var name = property.Name == "M" ? "m" : property.Name;
            if (type is not null && name != RerankName && !type.Params.Contains(name))
            {
                errors.Add(
                    ErrorCodes.CollectionParameter, $"params.{property.Name}", type.Params.Length == 0
                        ? $"a {type.Name} collection has no parameters"
                        : $"not a parameter of {type.Name}, which takes {string.Join(", ", type.Params)}");
                continue;
            }

            result = property.Name switch
            {
                "m" or "M" when result.Connectivity is not null => Twice(errors, property, result),
                "m" or "M" => result with { Connectivity = Number(errors, property, 4, 64) },
                "ef_construction" => result with { EfConstruction = Number(errors, property, 8, 2000) },
                "ef_search" => result with { EfSearch = Number(errors, property, 1, 16384) },
                "nlist" => result with { Lists = Number(errors, property, 1, ListsMax) },
                "nprobe" => result with { Probes = Number(errors, property, 1, ListsMax) },
                RerankName => result with { Rerank = Text(errors, property) },
                _ => Unknown(errors, property, result),
            };
        }

        return result;
    }

    public CollectionParams Over(CollectionParams defaults) => new(
        Connectivity ?? defaults.Connectivity,
        EfConstruction ?? defaults.EfConstruction,
        EfSearch ?? defaults.EfSearch,
        Lists ?? defaults.Lists,
        Probes ?? defaults.Probes,
        Rerank ?? defaults.Rerank);

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

    private static string? Text(FieldErrors errors, JsonProperty property)
    {
        if (property.Value.ValueKind == JsonValueKind.String) return property.Value.GetString();
        errors.Add(
            ErrorCodes.WrongType, $"params.{property.Name}", $"expected a string, came {Came(property.Value)}");
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
            "not a parameter of any index type");
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
