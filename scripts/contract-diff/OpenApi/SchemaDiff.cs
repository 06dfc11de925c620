using System.Text.Json.Nodes;

namespace Taishang.ContractDiff.OpenApi;

/// <summary>Who sends what the schema describes.</summary>
internal enum Direction
{
    /// <summary>The caller sends it: what was accepted must still be.</summary>
    Request,

    /// <summary>The server sends it: what was promised must still hold.</summary>
    Answer,
}

/// <summary>Compares two schemas, each with its own file behind its references.</summary>
internal sealed class SchemaDiff(References oldFile, References newFile, List<BreakingChange> changes)
{
    private const int DepthMax = 64;

    private static readonly string[] LowerBounds =
        ["minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"];

    private static readonly string[] UpperBounds =
        ["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"];

    private static readonly string[] Shapes = ["pattern", "format", "multipleOf", "uniqueItems"];

    private readonly HashSet<(Direction, string, string)> _seen = [];
    private int _depth;

    public void Compare(Direction direction, string where, JsonNode? oldSchema, JsonNode? newSchema)
    {
        if (oldSchema is null && newSchema is null) return;
        // A schema that many operations share is told once.
        if (References.NameOf(oldSchema) is { } oldName && References.NameOf(newSchema) is { } newName
            && !_seen.Add((direction, oldName, newName)))
            return;
        if (++_depth > DepthMax) throw new FormatException($"{where}: schemas are nested too deeply");
        var (before, after) = (EffectiveSchema.Of(oldSchema, oldFile), EffectiveSchema.Of(newSchema, newFile));
        if (before.Alternatives.Count == 0 && after.Alternatives.Any(branch => JsonNode.DeepEquals(branch, oldSchema)))
        {
            // What was the only form is one of several: a caller may send it as before, a reader may meet another.
            if (direction == Direction.Answer)
                Add("widened-alternatives", where, "was one form, is one of several");
            _depth--;
            return;
        }

        Types(direction, where, before, after);
        Values(direction, where, before, after);
        Properties(direction, where, before, after);
        Alternatives(direction, where, before, after);
        if (direction == Direction.Request) Bounds(where, before, after);
        else Promises(where, before, after);
        if (before.Items is not null || after.Items is not null)
            Compare(direction, where + "[]", before.Items, after.Items);
        if (before.Additional is not null) Compare(direction, where + ".*", before.Additional, after.Additional);
        _depth--;
    }

    private void Types(Direction direction, string where, EffectiveSchema before, EffectiveSchema after)
    {
        var (given, taken) = direction == Direction.Request ? (before, after) : (after, before);
        var lost = given.AcceptedTypes().Except(taken.AcceptedTypes()).Order().ToArray();
        if (lost.Length == 0) return;
        Add(direction == Direction.Request ? "narrowed-type" : "changed-type", where,
            $"was {Named(before.Types)}, is {Named(after.Types)}");
    }

    private void Values(Direction direction, string where, EffectiveSchema before, EffectiveSchema after)
    {
        if (before.Values is null)
        {
            if (after.Values is not null && direction == Direction.Request)
                Add("narrowed-enum", where, $"was any value, is one of {Named(after.Values)}");
            return;
        }

        if (after.Values is null)
        {
            if (direction == Direction.Answer)
                Add("widened-enum", where, $"was one of {Named(before.Values)}, is any value");
            return;
        }

        foreach (var value in before.Values.Except(after.Values).Order())
            Add("removed-enum-value", where, $"{value} is gone");
    }

    private void Properties(Direction direction, string where, EffectiveSchema before, EffectiveSchema after)
    {
        foreach (var (name, oldSchema) in before.Properties)
        {
            var place = $"{where}.{name}";
            if (!after.Properties.TryGetValue(name, out var newSchema))
            {
                Add("removed-property", place, "the property is gone");
                continue;
            }

            if (direction == Direction.Answer && before.Required.Contains(name) && !after.Required.Contains(name))
                Add("optional-property", place, "was always sent and may be missing");
            Compare(direction, place, oldSchema, newSchema);
        }

        if (direction == Direction.Answer) return;
        foreach (var name in after.Required.Except(before.Required).Order())
        {
            Add("required-property", $"{where}.{name}", before.Properties.ContainsKey(name)
                ? "was optional and is required" : "is new and required");
        }

        if (before.Open && !after.Open)
            Add("closed-object", where, "took properties that it did not name and refuses them");
    }

    private void Bounds(string where, EffectiveSchema before, EffectiveSchema after)
    {
        foreach (var name in LowerBounds.Concat(UpperBounds))
        {
            if (!after.Keywords.TryGetValue(name, out var now)) continue;
            if (!before.Keywords.TryGetValue(name, out var was))
                Add("narrowed-range", where, $"{name} {now.ToJsonString()} is new");
            else if (LowerBounds.Contains(name) ? Number(now) > Number(was) : Number(now) < Number(was))
                Add("narrowed-range", where, $"{name} was {was.ToJsonString()}, is {now.ToJsonString()}");
        }

        foreach (var name in Shapes)
        {
            if (!after.Keywords.TryGetValue(name, out var now)) continue;
            var was = before.Keywords.GetValueOrDefault(name);
            if (was?.ToJsonString() != now.ToJsonString())
                Add("narrowed-" + name, where,
                    $"{name} was {was?.ToJsonString() ?? "absent"}, is {now.ToJsonString()}");
        }

        if (before.Keywords.TryGetValue("default", out var oldDefault)
            && after.Keywords.GetValueOrDefault("default")?.ToJsonString() != oldDefault.ToJsonString())
        {
            Add("changed-default", where, $"was {oldDefault.ToJsonString()}, is "
                + (after.Keywords.GetValueOrDefault("default")?.ToJsonString() ?? "absent"));
        }
    }

    private void Promises(string where, EffectiveSchema before, EffectiveSchema after)
    {
        if (before.Keywords.TryGetValue("format", out var was)
            && after.Keywords.GetValueOrDefault("format")?.ToJsonString() != was.ToJsonString())
        {
            Add("changed-format", where, $"was {was.ToJsonString()}, is "
                + (after.Keywords.GetValueOrDefault("format")?.ToJsonString() ?? "absent"));
        }
    }

    /// <summary>Branches of oneOf and anyOf: equal ones are matched, the rest compared in order.</summary>
    private void Alternatives(Direction direction, string where, EffectiveSchema before, EffectiveSchema after)
    {
        var oldRest = before.Alternatives.ToList();
        var newRest = after.Alternatives.ToList();
        foreach (var branch in before.Alternatives)
        {
            var same = newRest.FindIndex(other => JsonNode.DeepEquals(branch, other));
            if (same < 0) continue;
            newRest.RemoveAt(same);
            oldRest.Remove(branch);
        }

        if (before.Alternatives.Count == 0 && newRest.Count > 0 && direction == Direction.Request)
            Add("narrowed-alternatives", where, "must now be one of several forms");
        for (var i = 0; i < oldRest.Count; i++)
        {
            if (i < newRest.Count)
                Compare(direction, $"{where}|{i}", oldRest[i], newRest[i]);
            else if (after.Alternatives.Count > 0)
                Add("removed-alternative", where, $"the form {oldRest[i]?.ToJsonString()} is gone");
        }
    }

    // decimal where it can hold the bound exactly, so that neighbours near 2^63 stay apart.
    private static decimal Number(JsonNode node) =>
        decimal.TryParse(node.ToJsonString(), out var exact) ? exact
        : node.GetValue<double>() > 0 ? decimal.MaxValue : decimal.MinValue;

    private static string Named(IEnumerable<string>? values) =>
        values is null ? "any" : string.Join(", ", values.Order());

    private void Add(string rule, string where, string what) => changes.Add(new BreakingChange(rule, where, what));
}
