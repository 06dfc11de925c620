using System.Text.Json;
using Taishang.Core.Api;
using Taishang.Core.Collections;

namespace Taishang.Core.Vectors;

/// <summary>The payload of an evaluation task: its rules, and its queries.</summary>
internal static class EvaluationPayload
{
    public const int QueriesMax = 1_000;
    public const int DepthMax = 1_000;
    public const int DepthDefault = 10;
    private const int JudgementsMax = 10_000;

    public static void Validate(JsonElement payload, FieldErrors errors)
    {
        if (!TaskPayload.Fields(payload, errors, "collection", "queries", "k", "ef", "nprobe")) return;
        TaskPayload.RequireText(payload, errors, "collection", Collection.ReferenceCharactersMax);
        TaskPayload.OptionalNumber(payload, errors, "k", 1, DepthMax);
        TaskPayload.OptionalNumber(payload, errors, "ef", 1, VectorLimits.EfMax);
        TaskPayload.OptionalNumber(payload, errors, "nprobe", 1, VectorLimits.ProbesMax);
        if (!payload.TryGetProperty("queries", out var queries))
        {
            Add(errors, "payload.queries", "required and missing");
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

    public static int Number(JsonElement payload, string field, int otherwise) =>
        payload.TryGetProperty(field, out var value) ? value.GetInt32() : otherwise;

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

    private static void ValidateQuery(FieldErrors errors, string path, JsonElement query)
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

    private static void ValidateVector(FieldErrors errors, string path, JsonElement vector)
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

    private static void ValidateRelevant(FieldErrors errors, string path, JsonElement relevant)
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

    private static void Add(FieldErrors errors, string field, string message) =>
        errors.Add(ErrorCodes.TaskPayloadInvalid, field, message);
}

/// <param name="Text">Embedded with the collection's model; null when there is a vector.</param>
/// <param name="Vector">Asked as it is.</param>
/// <param name="Grades">Relevant ids with their grades; null when nothing was judged.</param>
internal sealed record EvaluationQuery(string? Text, float[]? Vector, IReadOnlyDictionary<string, double>? Grades);
