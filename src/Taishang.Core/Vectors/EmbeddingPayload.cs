using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Google.Protobuf;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.Api;
using Taishang.Core.Collections;
using Taishang.Executors;

namespace Taishang.Core.Vectors;

/// <summary>The payload of an embedding task: its rules, and its rows.</summary>
internal static class EmbeddingPayload
{
    private const int DerivedIdBytes = 16;

    public static void Validate(JsonElement payload, PayloadErrors errors)
    {
        if (!TaskPayload.Fields(payload, errors, "collection", "texts", "rows", "model")) return;
        var hasCollection = payload.TryGetProperty("collection", out _);
        var hasRows = payload.TryGetProperty("rows", out var rows);
        var hasTexts = payload.TryGetProperty("texts", out var texts);
        TaskPayload.OptionalText(payload, errors, "collection", Collection.ReferenceCharactersMax);
        TaskPayload.OptionalText(payload, errors, "model", EmbeddingModels.ReferenceCharactersMax);
        if (hasRows == hasTexts)
            Add(errors, "payload", $"expected one of texts, rows, came {(hasRows ? "both" : "none")}");
        if (hasRows && !hasCollection) Add(errors, "payload.collection", "required with rows, and missing");
        if (hasCollection && payload.TryGetProperty("model", out _))
            Add(errors, "payload.model", "not with a collection, which has a model of its own");
        if (hasTexts)
            ValidateList(errors, "payload.texts", texts,
                hasCollection ? VectorLimits.RowsMax : EmbeddingTaskExecutor.ReturnedTextsMax, ValidateText);
        if (hasRows) ValidateList(errors, "payload.rows", rows, VectorLimits.RowsMax, ValidateRow);
    }

    /// <summary>Of a payload that was checked.</summary>
    public static List<EmbeddingRow> Rows(JsonElement payload)
    {
        if (payload.TryGetProperty("texts", out var texts))
            return [.. texts.EnumerateArray().Select(text => OfText(text.GetString()!))];
        return [.. payload.GetProperty("rows").EnumerateArray().Select(OfRow)];
    }

    private static EmbeddingRow OfText(string text)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(text));
        var id = Convert.ToHexStringLower(hash.AsSpan(0, DerivedIdBytes));
        return new EmbeddingRow(new RowId { Text = id }, text, ByteString.Empty, null);
    }

    private static EmbeddingRow OfRow(JsonElement row)
    {
        var id = row.GetProperty("id");
        return new EmbeddingRow(
            id.ValueKind == JsonValueKind.Number
                ? new RowId { Integer = id.GetInt64() }
                : new RowId { Text = id.GetString() },
            row.GetProperty("text").GetString()!,
            row.TryGetProperty("metadata", out var metadata)
                ? ByteString.CopyFromUtf8(metadata.GetRawText())
                : ByteString.Empty,
            row.TryGetProperty("ttl_seconds", out var ttl) ? ttl.GetInt64() : null);
    }

    private static void ValidateList(
        PayloadErrors errors, string path, JsonElement list, int max,
        Action<PayloadErrors, string, JsonElement> validate)
    {
        if (list.ValueKind != JsonValueKind.Array)
        {
            Add(errors, path, $"expected an array, came {TaskPayload.Kind(list)}");
            return;
        }

        var count = list.GetArrayLength();
        if (count == 0 || count > max) Add(errors, path, $"expected 1 to {max} elements, came {count}");
        var row = 0;
        foreach (var element in list.EnumerateArray().Take(max)) validate(errors, $"{path}[{row++}]", element);
    }

    private static void ValidateText(PayloadErrors errors, string path, JsonElement text) =>
        TaskPayload.CheckText(text, errors, path, VectorLimits.TextCharactersMax);

    private static void ValidateRow(PayloadErrors errors, string path, JsonElement row)
    {
        if (row.ValueKind != JsonValueKind.Object)
        {
            Add(errors, path, $"expected an object, came {TaskPayload.Kind(row)}");
            return;
        }

        var seen = 0;
        foreach (var field in row.EnumerateObject())
        {
            var at = $"{path}.{field.Name}";
            switch (field.Name)
            {
                case "id":
                    seen |= 1;
                    ValidateId(errors, at, field.Value);
                    break;
                case "text":
                    seen |= 2;
                    ValidateText(errors, at, field.Value);
                    break;
                case "metadata" when field.Value.ValueKind == JsonValueKind.Object:
                    var bytes = Encoding.UTF8.GetByteCount(field.Value.GetRawText());
                    if (bytes > VectorLimits.MetadataBytesMax)
                        Add(errors, at, $"expected at most {VectorLimits.MetadataBytesMax} bytes, came {bytes}");
                    break;
                case "ttl_seconds" when field.Value.ValueKind == JsonValueKind.Number
                    && field.Value.TryGetInt64(out var ttl) && ttl is >= 1 and <= VectorLimits.TtlSecondsMax:
                    break;
                default:
                    Add(errors, at, $"expected id, text, metadata (an object) or ttl_seconds (1 to "
                        + $"{VectorLimits.TtlSecondsMax}), came {TaskPayload.Kind(field.Value)}");
                    break;
            }
        }

        if ((seen & 1) == 0) Add(errors, $"{path}.id", "required and missing");
        if ((seen & 2) == 0) Add(errors, $"{path}.text", "required and missing");
    }

    private static void ValidateId(PayloadErrors errors, string path, JsonElement id)
    {
        if (id.ValueKind == JsonValueKind.Number && id.TryGetInt64(out _)) return;
        if (id.ValueKind == JsonValueKind.String
            && id.GetString()!.Length is >= 1 and <= VectorLimits.IdCharactersMax) return;
        Add(errors, path, $"expected an integer or a string of 1 to {VectorLimits.IdCharactersMax} characters");
    }

    private static void Add(PayloadErrors errors, string field, string message) =>
        errors.Add(field, message);
}

/// <summary>One row to embed and write.</summary>
internal sealed record EmbeddingRow(RowId Id, string Text, ByteString MetadataJson, long? TtlSeconds);
