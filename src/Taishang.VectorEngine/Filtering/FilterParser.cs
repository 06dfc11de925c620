using System.Text.Json;

namespace Taishang.VectorEngine.Filtering;

/// <summary>Turns the JSON of a filter into nodes; every refusal names the place by its JSON path.</summary>
internal sealed class FilterParser
{
    /// <summary>JSON nests deeper than filters do: a field object and a list below each $and.</summary>
    private const int JsonDepthMax = FilterLimits.DepthMax * 2 + 8;

    private int _conditions;

    public static FilterNode Parse(ReadOnlySpan<byte> json)
    {
        if (json.Length > FilterLimits.JsonBytesMax)
            throw new FilterSyntaxException("$", $"at most {FilterLimits.JsonBytesMax} bytes, got {json.Length}");

        try
        {
            using var document = JsonDocument.Parse(
                json.ToArray(), new JsonDocumentOptions { MaxDepth = JsonDepthMax });
            return new FilterParser().ParseFilter(document.RootElement, "$", 0);
        }
        catch (JsonException exception)
        {
            throw new FilterSyntaxException("$", $"not valid JSON: {exception.Message}");
        }
        catch (InvalidOperationException)
        {
            // The reader finds bytes that are not UTF-8 only when a string is taken out.
            throw new FilterSyntaxException("$", "a string is not valid UTF-8");
        }
    }

    private FilterNode ParseFilter(JsonElement element, string path, int depth)
    {
        if (element.ValueKind != JsonValueKind.Object)
            throw new FilterSyntaxException(path, $"expected an object, got {Describe(element)}");
        if (depth > FilterLimits.DepthMax)
            throw new FilterSyntaxException(path, $"nested deeper than {FilterLimits.DepthMax} levels");

        var parts = new List<FilterNode>();
        foreach (var property in element.EnumerateObject())
        {
            var at = $"{path}.{property.Name}";
            parts.Add(property.Name switch
            {
                "$and" => new AndNode(ParseList(property.Value, at, depth)),
                "$or" => new OrNode(ParseList(property.Value, at, depth)),
                "$not" => new NotNode(ParseFilter(property.Value, at, depth + 1)),
                _ => ParseField(property, at, depth),
            });
        }

        return parts.Count == 1 ? parts[0] : new AndNode(parts);
    }

    private List<FilterNode> ParseList(JsonElement element, string path, int depth)
    {
        if (element.ValueKind != JsonValueKind.Array || element.GetArrayLength() == 0)
            throw new FilterSyntaxException(path, $"expected a list of filters, got {Describe(element)}");

        var parts = new List<FilterNode>();
        foreach (var item in element.EnumerateArray())
            parts.Add(ParseFilter(item, $"{path}[{parts.Count}]", depth + 1));
        return parts;
    }

    private FilterNode ParseField(JsonProperty property, string path, int depth)
    {
        var field = property.Name;
        if (field.StartsWith('$'))
            throw new FilterSyntaxException(path, $"{field} is not known here; expected a field, $and, $or or $not");
        if (field.Length is 0 or > FilterLimits.PathCharactersMax)
            throw new FilterSyntaxException(path, $"a field has 1 to {FilterLimits.PathCharactersMax} characters");

        return property.Value.ValueKind == JsonValueKind.Object
            ? ParseOperators(field, property.Value, path, depth)
            : Condition(field, FilterOperator.In, [ParseScalar(property.Value, path)], path);
    }

    private FilterNode ParseOperators(string field, JsonElement element, string path, int depth)
    {
        var parts = new List<FilterNode>();
        foreach (var property in element.EnumerateObject())
            parts.Add(ParseOperator(field, property.Name, property.Value, $"{path}.{property.Name}", depth));

        return parts.Count switch
        {
            0 => throw new FilterSyntaxException(path, "expected a value or an object of operators, got {}"),
            1 => parts[0],
            _ => new AndNode(parts),
        };
    }

    private FilterNode ParseOperator(string field, string name, JsonElement value, string path, int depth) =>
        name switch
        {
            "$eq" => Condition(field, FilterOperator.In, [ParseScalar(value, path)], path),
            "$ne" => new NotNode(Condition(field, FilterOperator.In, [ParseScalar(value, path)], path)),
            "$in" => Condition(field, FilterOperator.In, ParseValues(value, path), path),
            "$nin" => new NotNode(Condition(field, FilterOperator.In, ParseValues(value, path), path)),
            "$gt" => Condition(field, FilterOperator.Greater, [ParseOrdered(value, path)], path),
            "$gte" => Condition(field, FilterOperator.GreaterOrEqual, [ParseOrdered(value, path)], path),
            "$lt" => Condition(field, FilterOperator.Less, [ParseOrdered(value, path)], path),
            "$lte" => Condition(field, FilterOperator.LessOrEqual, [ParseOrdered(value, path)], path),
            "$contains" => Condition(field, FilterOperator.Contains, [ParseScalar(value, path)], path),
            "$exists" => ParseExists(field, value, path),
            "$not" => ParseFieldNot(field, value, path, depth),
            _ => throw new FilterSyntaxException(path, $"'{name}' is not an operator; expected $eq, $ne, $gt, $gte, "
                + "$lt, $lte, $in, $nin, $exists, $contains or $not (nested fields are written with dots)"),
        };

    private NotNode ParseFieldNot(string field, JsonElement value, string path, int depth)
    {
        if (depth >= FilterLimits.DepthMax)
            throw new FilterSyntaxException(path, $"nested deeper than {FilterLimits.DepthMax} levels");

        return value.ValueKind == JsonValueKind.Object
            ? new NotNode(ParseOperators(field, value, path, depth + 1))
            : throw new FilterSyntaxException(path, $"expected an object of operators, got {Describe(value)}");
    }

    private FilterNode ParseExists(string field, JsonElement value, string path)
    {
        if (value.ValueKind is not (JsonValueKind.True or JsonValueKind.False))
            throw new FilterSyntaxException(path, $"expected true or false, got {Describe(value)}");

        var exists = Condition(field, FilterOperator.Exists, [], path);
        return value.ValueKind == JsonValueKind.True ? exists : new NotNode(exists);
    }

    private ConditionNode Condition(
        string field, FilterOperator comparison, IReadOnlyList<FilterValue> values, string path)
    {
        if (++_conditions > FilterLimits.ConditionsMax)
            throw new FilterSyntaxException(path, $"more than {FilterLimits.ConditionsMax} conditions");

        return new ConditionNode(field, comparison, values);
    }

    private static List<FilterValue> ParseValues(JsonElement element, string path)
    {
        if (element.ValueKind != JsonValueKind.Array)
            throw new FilterSyntaxException(path, $"expected a list of values, got {Describe(element)}");
        if (element.GetArrayLength() > FilterLimits.ListValuesMax)
            throw new FilterSyntaxException(path, $"more than {FilterLimits.ListValuesMax} values");

        var values = new List<FilterValue>(element.GetArrayLength());
        foreach (var item in element.EnumerateArray())
            values.Add(ParseScalar(item, $"{path}[{values.Count}]"));
        return values;
    }

    private static FilterValue ParseOrdered(JsonElement element, string path)
    {
        var value = ParseScalar(element, path);
        return value.IsOrdered
            ? value
            : throw new FilterSyntaxException(path, $"expected a number or a string, got {Describe(element)}");
    }

    private static FilterValue ParseScalar(JsonElement element, string path)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.String:
                return new FilterValue(ValueKind.Text, 0, element.GetString());
            case JsonValueKind.Number:
                var (kind, bits) = JsonNumber.Read(element);
                return new FilterValue(kind, bits, null);
            case JsonValueKind.True:
                return new FilterValue(ValueKind.True, 0, null);
            case JsonValueKind.False:
                return new FilterValue(ValueKind.False, 0, null);
            case JsonValueKind.Null:
                return new FilterValue(ValueKind.Null, 0, null);
            default:
                throw new FilterSyntaxException(
                    path, $"expected a string, number, true, false or null, got {Describe(element)}");
        }
    }

    private static string Describe(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => element.GetArrayLength() == 0 ? "an empty list" : "a list",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => "a number",
        JsonValueKind.Null => "null",
        _ => "true or false",
    };
}
