using System.Text.Json;
using Taishang.Core.Api;
using Taishang.Core.Collections;
using Taishang.Executors;

namespace Taishang.Core.Vectors;

/// <summary>The payload of an evaluation task: its rules, and its queries.</summary>
internal static class EvaluationPayload
{
    public const int QueriesMax = 1_000;
    public const int DepthMax = 1_000;
    public const int DepthDefault = 10;

    /// <summary>Values of ef in one task: each asks every query once more.</summary>
    public const int WidthsMax = 8;

    private const int JudgementsMax = 10_000;

    public static void Validate(JsonElement payload, PayloadErrors errors)
    {
        if (!TaskPayload.Fields(payload, errors, "collection", "queries", "sample", "seed", "k", "ef", "nprobe"))
            return;
        TaskPayload.RequireText(payload, errors, "collection", Collection.ReferenceCharactersMax);
        TaskPayload.OptionalNumber(payload, errors, "k", 1, DepthMax);
        ValidateWidths(payload, errors);
        TaskPayload.OptionalNumber(payload, errors, "nprobe", 1, VectorLimits.ProbesMax);
        TaskPayload.OptionalNumber(payload, errors, "sample", 1, QueriesMax);
        TaskPayload.OptionalNumber(payload, errors, "seed", 0, int.MaxValue);
        var hasQueries = payload.TryGetProperty("queries", out var queries);
        var hasSample = payload.TryGetProperty("sample", out _);
        if (hasQueries && hasSample) Add(errors, "payload.sample", "expected one of queries, sample, came both");
        if (!hasSample && payload.TryGetProperty("seed", out _)) Add(errors, "payload.seed", "only with sample");
        if (!hasQueries)
        {
            if (!hasSample) Add(errors, "payload.queries", "required without sample, and missing");
            return;
        }

        if (queries.ValueKind != JsonValueKind.Array)
        {
            Add(errors, "payload.queries", $"expected an array, came {TaskPayload.Kind(queries)}");
            return;
        }

        var count = queries.GetArrayLength();
        if (count is 0 or > QueriesMax)
            Add(errors, "payload.queries", $"expected 1 to {QueriesMax} queries, came {count}");
        var row = 0;
        foreach (var query in queries.EnumerateArray().Take(QueriesMax))
            ValidateQuery(errors, $"payload.queries[{row++}]", query);
    }

    /// <summary>Of a payload that was checked.</summary>
    public static List<EvaluationQuery> Queries(JsonElement payload) =>
        [.. payload.GetProperty("queries").EnumerateArray().Select(Read)];

    private static void ValidateWidths(JsonElement payload, PayloadErrors errors)
    {
        if (!payload.TryGetProperty("ef", out var ef)) return;
        if (ef.ValueKind != JsonValueKind.Array)
        {
            TaskPayload.OptionalNumber(payload, errors, "ef", 1, VectorLimits.EfMax);
            return;
        }

        var count = ef.GetArrayLength();
        if (count is 0 or > WidthsMax) Add(errors, "payload.ef", $"expected 1 to {WidthsMax} values, came {count}");
        var seen = new HashSet<int>();
        var i = 0;
        foreach (var one in ef.EnumerateArray().Take(WidthsMax))
        {
            if (one.ValueKind != JsonValueKind.Number || !one.TryGetInt32(out var width)
                || width is < 1 or > VectorLimits.EfMax)
            {
                Add(errors, $"payload.ef[{i}]",
                    $"expected a whole number from 1 to {VectorLimits.EfMax}, came {TaskPayload.Kind(one)}");
            }
            else if (!seen.Add(width))
            {
                Add(errors, $"payload.ef[{i}]", "named twice");
            }

            i++;
        }
    }

    private static EvaluationQuery Read(JsonElement query)
    {
        var text = query.TryGetProperty("text", out var given) ? given.GetString() : null;
        var vector = query.TryGetProperty("vector", out var numbers)
            ? numbers.EnumerateArray().Select(number => number.GetSingle()).ToArray()
            : null;
        if (!query.TryGetProperty("relevant", out var relevant)) return new EvaluationQuery(text, vector, null);
        var grades = relevant.ValueKind == JsonValueKind.Array
            ? relevant.EnumerateArray().Select(IdText).Distinct().ToDictionary(id => id, _ => 1.0)
            : relevant.EnumerateObject().ToDictionary(judged => judged.Name, judged => judged.Value.GetDouble());
        return new EvaluationQuery(text, vector, grades);
    }

    private static void ValidateQuery(PayloadErrors errors, string path, JsonElement query)
    {
        if (query.ValueKind != JsonValueKind.Object)
        {
            Add(errors, path, $"expected an object, came {TaskPayload.Kind(query)}");
            return;
        }

        var forms = 0;
        foreach (var field in query.EnumerateObject())
        {
            var at = $"{path}.{field.Name}";
            switch (field.Name)
            {
                case "text":
                    forms++;
                    TaskPayload.CheckText(field.Value, errors, at, VectorLimits.TextCharactersMax);
                    break;
                case "vector":
                    forms++;
                    ValidateVector(errors, at, field.Value);
                    break;
                case "relevant":
                    ValidateRelevant(errors, at, field.Value);
                    break;
                default:
                    Add(errors, at, "not a field of a query, which takes text, vector, relevant");
                    break;
            }
        }

        if (forms != 1) Add(errors, path, $"expected one of text, vector, came {forms}");
    }

    private static void ValidateVector(PayloadErrors errors, string path, JsonElement vector)
    {
        if (vector.ValueKind != JsonValueKind.Array || vector.GetArrayLength() is 0 or > VectorLimits.DimensionsMax)
        {
            Add(errors, path, $"expected an array of 1 to {VectorLimits.DimensionsMax} numbers, "
                + $"came {TaskPayload.Kind(vector)}");
            return;
        }

        var i = 0;
        foreach (var number in vector.EnumerateArray())
        {
            if (number.ValueKind != JsonValueKind.Number || !number.TryGetSingle(out var value)
                || !float.IsFinite(value))
            {
                Add(errors, $"{path}[{i}]", $"expected a finite float32, came {TaskPayload.Kind(number)}");
                return;
            }

            i++;
        }
    }

    private static void ValidateRelevant(PayloadErrors errors, string path, JsonElement relevant)
    {
        var sound = relevant.ValueKind switch
        {
            JsonValueKind.Array => relevant.GetArrayLength() <= JudgementsMax && relevant.EnumerateArray().All(IsId),
            JsonValueKind.Object => relevant.EnumerateObject().Take(JudgementsMax + 1).Count() <= JudgementsMax
                && relevant.EnumerateObject().All(judged => judged.Value.ValueKind == JsonValueKind.Number
                    && judged.Value.GetDouble() is >= 0 and <= 100),
            _ => false,
        };
        if (!sound)
            Add(errors, path,
                $"expected a list of ids or an object from id to grade (0 to 100), at most {JudgementsMax}");
    }

    private static bool IsId(JsonElement id) =>
        id.ValueKind == JsonValueKind.String || (id.ValueKind == JsonValueKind.Number && id.TryGetInt64(out _));

    private static string IdText(JsonElement id) =>
        id.ValueKind == JsonValueKind.Number ? id.GetInt64().ToString() : id.GetString()!;

    private static void Add(PayloadErrors errors, string field, string message) =>
        errors.Add(field, message);
}

/// <param name="Text">Embedded with the collection's model; null when there is a vector.</param>
/// <param name="Vector">Asked as it is.</param>
/// <param name="Grades">Relevant ids with their grades; null when nothing was judged.</param>
internal sealed record EvaluationQuery(string? Text, float[]? Vector, IReadOnlyDictionary<string, double>? Grades)
{
    /// <summary>A row of the collection whose vector is the query; then there is neither text nor vector.</summary>
    public string? Row { get; init; }
}
