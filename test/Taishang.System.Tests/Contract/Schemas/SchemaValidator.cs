using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Taishang.ContractDiff.OpenApi;

namespace Taishang.System.Tests.Contract.Schemas;

/// <summary>
/// Validates JSON against the part of JSON Schema 2020-12 that the contract uses. A keyword that it does not know is an
/// error of the schema, never silence. In the strict form an object may hold only properties that some part of its
/// schema declares: callers must bear new properties, but ours must be in the file.
/// </summary>
/// <param name="file">What references lead into.</param>
/// <param name="strict">Refuse undeclared properties.</param>
internal sealed class SchemaValidator(JsonObject file, bool strict = false)
{
    /// <summary>Deeper than the contract and its bodies can be.</summary>
    private const int DepthMax = 128;

    private static readonly HashSet<string> Notes = ["description", "title", "example", "examples", "default", "$ref"];

    private readonly References _references = new(file);

    /// <summary>Every broken rule as <c>path: what</c>; none when the value is valid.</summary>
    public IReadOnlyList<string> Validate(JsonNode? value, JsonNode? schema)
    {
        var errors = new List<string>();
        Enter(new Place("$", 0), value, schema, errors);
        return errors;
    }

    /// <summary>Validates one value: its whole schema, then what no part of it declares.</summary>
    private void Enter(Place place, JsonNode? value, JsonNode? schema, List<string> errors)
    {
        if (place.Depth > DepthMax) throw new FormatException($"{place.Path}: nested too deeply");
        Check(place, value, schema, errors);
        if (!strict || value is not JsonObject found) return;
        var declared = new HashSet<string>();
        if (!Declare(schema, declared, 0) || declared.Count == 0) return;
        foreach (var (name, _) in found)
        {
            if (!declared.Contains(name)) errors.Add($"{place.Path}.{name}: the contract does not declare it");
        }
    }

    private void Check(Place place, JsonNode? value, JsonNode? schema, List<string> errors)
    {
        if (schema is JsonValue flag)
        {
            if (!flag.GetValue<bool>()) errors.Add($"{place.Path}: nothing is allowed here");
            return;
        }

        var resolved = _references.Resolve(schema);
        foreach (var (keyword, rule) in resolved)
        {
            if (Notes.Contains(keyword)) continue;
            if (!Keyword(place, value, resolved, keyword, rule, errors))
                throw new FormatException($"the validator does not know the keyword '{keyword}'");
        }
    }

    private bool Keyword(
        Place place, JsonNode? value, JsonObject schema, string keyword, JsonNode? rule, List<string> errors)
    {
        switch (keyword)
        {
            case "type":
                CheckType(place, value, rule, errors);
                return true;
            case "enum":
                if (!rule!.AsArray().Any(allowed => Same(allowed, value)))
                    errors.Add($"{place.Path}: expected one of {rule.ToJsonString()}, came {Text(value)}");
                return true;
            case "const":
                if (!Same(rule, value)) errors.Add($"{place.Path}: expected {Text(rule)}, came {Text(value)}");
                return true;
            case "allOf":
                foreach (var part in rule!.AsArray()) Check(place, value, part, errors);
                return true;
            case "anyOf" or "oneOf":
                CheckAlternatives(place, value, rule!.AsArray(), keyword, errors);
                return true;
            case "required" or "properties" or "additionalProperties" or "minProperties" or "maxProperties":
                if (value is JsonObject found) CheckObject(place, found, schema, keyword, rule, errors);
                return true;
            case "items" or "minItems" or "maxItems" or "uniqueItems":
                if (value is JsonArray list) CheckArray(place, list, keyword, rule, errors);
                return true;
            case "minLength" or "maxLength" or "pattern" or "format":
                if (Kind(value) == JsonValueKind.String)
                    StringRules.Check(place.Path, value!.GetValue<string>(), keyword, rule!, errors);
                return true;
            case "minimum" or "maximum":
                if (Kind(value) == JsonValueKind.Number)
                    CheckBound(place, value!, keyword == "minimum", rule!, errors);
                return true;
            default:
                return false;
        }
    }

    private static void CheckType(Place place, JsonNode? value, JsonNode? rule, List<string> errors)
    {
        var allowed = rule is JsonArray list ? list.Select(t => (string)t!).ToArray() : [(string)rule!];
        if (!allowed.Any(type => IsOfType(value, type)))
            errors.Add($"{place.Path}: expected {string.Join(" or ", allowed)}, came {Text(value)}");
    }

    private static bool IsOfType(JsonNode? value, string type) => type switch
    {
        "null" => value is null,
        "object" => value is JsonObject,
        "array" => value is JsonArray,
        "string" => Kind(value) == JsonValueKind.String,
        "boolean" => Kind(value) is JsonValueKind.True or JsonValueKind.False,
        "number" => Kind(value) == JsonValueKind.Number,
        "integer" => Kind(value) == JsonValueKind.Number && IsWhole(value!),
        _ => throw new FormatException($"the validator does not know the type '{type}'"),
    };

    private void CheckAlternatives(
        Place place, JsonNode? value, JsonArray branches, string keyword, List<string> errors)
    {
        var fitting = branches.Count(branch =>
        {
            var own = new List<string>();
            Check(place, value, branch, own);
            return own.Count == 0;
        });
        if (fitting == 0 || (keyword == "oneOf" && fitting > 1))
            errors.Add($"{place.Path}: {keyword} of {branches.Count} forms, {fitting} fit");
    }

    private void CheckObject(
        Place place, JsonObject value, JsonObject schema, string keyword, JsonNode? rule, List<string> errors)
    {
        switch (keyword)
        {
            case "required":
                foreach (var name in rule!.AsArray().Select(n => (string)n!))
                    if (!value.ContainsKey(name)) errors.Add($"{place.Path}.{name}: required and missing");
                break;
            case "properties":
                foreach (var (name, part) in rule!.AsObject())
                    if (value.TryGetPropertyValue(name, out var held)) Enter(place.Property(name), held, part, errors);
                break;
            case "additionalProperties":
                var known = schema["properties"] as JsonObject;
                foreach (var (name, held) in value)
                    if (known?.ContainsKey(name) != true) Enter(place.Property(name), held, rule, errors);
                break;
            case "minProperties" when value.Count < (int)rule!:
            case "maxProperties" when value.Count > (int)rule!:
                errors.Add($"{place.Path}: {keyword} {Text(rule)}, came {value.Count}");
                break;
        }
    }

    private void CheckArray(Place place, JsonArray value, string keyword, JsonNode? rule, List<string> errors)
    {
        switch (keyword)
        {
            case "items":
                for (var i = 0; i < value.Count; i++) Enter(place.Item(i), value[i], rule, errors);
                break;
            case "minItems" when value.Count < (int)rule!:
            case "maxItems" when value.Count > (int)rule!:
                errors.Add($"{place.Path}: {keyword} {Text(rule)}, came {value.Count}");
                break;
            case "uniqueItems" when (bool)rule! && value.Select(Text).Distinct().Count() != value.Count:
                errors.Add($"{place.Path}: an item stands twice");
                break;
        }
    }

    private static void CheckBound(Place place, JsonNode value, bool lower, JsonNode bound, List<string> errors)
    {
        var order = Compare(value, bound);
        if (lower ? order < 0 : order > 0)
            errors.Add($"{place.Path}: expected {(lower ? "at least" : "at most")} {Text(bound)}, came {Text(value)}");
    }

    /// <summary>Gathers declared names; false when some part opens the object by a rule of its own.</summary>
    private bool Declare(JsonNode? schema, HashSet<string> names, int depth)
    {
        if (schema is JsonValue || depth > DepthMax) return true;
        var resolved = _references.Resolve(schema);
        if (resolved.ContainsKey("additionalProperties")) return false;
        foreach (var (name, _) in resolved["properties"] as JsonObject ?? []) names.Add(name);
        var parts = new[] { "allOf", "oneOf", "anyOf" }.SelectMany(k => resolved[k] as JsonArray ?? []);
        return parts.All(part => Declare(part, names, depth + 1));
    }

    private static bool IsWhole(JsonNode value) =>
        decimal.TryParse(Text(value), global::System.Globalization.NumberStyles.Float, null, out var exact)
            ? exact == decimal.Truncate(exact)
            : double.IsInteger(double.Parse(Text(value)));

    private static int Compare(JsonNode left, JsonNode right) =>
        decimal.TryParse(Text(left), global::System.Globalization.NumberStyles.Float, null, out var l)
            && decimal.TryParse(Text(right), global::System.Globalization.NumberStyles.Float, null, out var r)
            ? l.CompareTo(r)
            : double.Parse(Text(left)).CompareTo(double.Parse(Text(right)));

    private static bool Same(JsonNode? left, JsonNode? right) =>
        Kind(left) == JsonValueKind.Number && Kind(right) == JsonValueKind.Number
            ? Compare(left!, right!) == 0
            : JsonNode.DeepEquals(left, right);

    private static JsonValueKind Kind(JsonNode? value) => value?.GetValueKind() ?? JsonValueKind.Null;

    private static string Text(JsonNode? value) => value?.ToJsonString() ?? "null";

    private readonly record struct Place(string Path, int Depth)
    {
        public Place Property(string name) => new($"{Path}.{name}", Depth + 1);

        public Place Item(int index) => new($"{Path}[{index}]", Depth + 1);
    }
}
