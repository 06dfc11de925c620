using System.Text.Json.Nodes;

namespace Taishang.ContractDiff.OpenApi;

/// <summary>A schema with its references followed and its <c>allOf</c> drawn together into one.</summary>
internal sealed class EffectiveSchema
{
    private const int DepthMax = 16;

    private static readonly string[] AllTypes = ["array", "boolean", "integer", "null", "number", "object", "string"];

    public Dictionary<string, JsonNode?> Properties { get; } = [];

    public HashSet<string> Required { get; } = [];

    /// <summary>Null where any type goes.</summary>
    public HashSet<string>? Types { get; private set; }

    /// <summary>The values of enum and const as JSON text; null where any value goes.</summary>
    public HashSet<string>? Values { get; private set; }

    /// <summary>False when names that are not listed are refused.</summary>
    public bool Open { get; private set; } = true;

    public JsonNode? Additional { get; private set; }

    public JsonNode? Items { get; private set; }

    public List<JsonNode?> Alternatives { get; } = [];

    /// <summary>Keywords with one value each: bounds, pattern, format, default …</summary>
    public Dictionary<string, JsonNode> Keywords { get; } = [];

    public static EffectiveSchema Of(JsonNode? schema, References file)
    {
        var result = new EffectiveSchema();
        result.Draw(schema, file, 0);
        return result;
    }

    private void Draw(JsonNode? schema, References file, int depth)
    {
        if (schema is null) return;
        if (depth > DepthMax) throw new FormatException("allOf is nested too deeply");
        var node = file.Resolve(schema);
        foreach (var (name, value) in node)
        {
            switch (name)
            {
                case "allOf":
                    foreach (var part in value!.AsArray()) Draw(part, file, depth + 1);
                    break;
                case "oneOf" or "anyOf":
                    Alternatives.AddRange(value!.AsArray());
                    break;
                case "properties":
                    foreach (var (property, of) in value!.AsObject()) AddProperty(property, of);
                    break;
                case "required":
                    Required.UnionWith(value!.AsArray().Select(item => (string)item!));
                    break;
                case "type":
                    Types = Narrow(Types, value is JsonArray list ? list.Select(t => (string)t!) : [(string)value!]);
                    break;
                case "enum":
                    Values = Narrow(Values, value!.AsArray().Select(Text));
                    break;
                case "const":
                    Values = Narrow(Values, [Text(value)]);
                    break;
                case "additionalProperties":
                    Open &= value is not JsonValue;
                    if (value is JsonValue flag) Open = flag.GetValue<bool>();
                    else Additional = value;
                    break;
                case "items":
                    Items = value;
                    break;
                default:
                    if (value is JsonValue) Keywords[name] = value;
                    break;
            }
        }
    }

    private void AddProperty(string name, JsonNode? schema)
    {
        // The envelope declares `data` as any object and each answer says which: both hold.
        Properties[name] = Properties.TryGetValue(name, out var before)
            ? new JsonObject { ["allOf"] = new JsonArray(before?.DeepClone(), schema?.DeepClone()) }
            : schema;
    }

    /// <summary>A number takes what an integer takes.</summary>
    public IReadOnlySet<string> AcceptedTypes()
    {
        if (Types is null) return AllTypes.ToHashSet();
        return Types.Contains("number") ? Types.Append("integer").ToHashSet() : Types;
    }

    private static HashSet<string> Narrow(HashSet<string>? before, IEnumerable<string> values)
    {
        var set = values.ToHashSet();
        if (before is not null) set.IntersectWith(before);
        return set;
    }

    private static string Text(JsonNode? value) => value?.ToJsonString() ?? "null";
}
