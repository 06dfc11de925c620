using System.Text.Json;
using Taishang.Core.Api;
using Taishang.Core.Tasks;
using Taishang.Executors;

namespace Taishang.Core.Collections;

/// <summary>Checks of payloads that the executors of collections and vectors share.</summary>
internal static class TaskPayload
{
    /// <summary>Refuses what is no object and every field that is not named; false when it is no object.</summary>
    public static bool Fields(JsonElement payload, PayloadErrors errors, params ReadOnlySpan<string> known)
    {
        if (payload.ValueKind != JsonValueKind.Object)
        {
            errors.Add("payload", $"expected an object, came {Kind(payload)}");
            return false;
        }

        foreach (var property in payload.EnumerateObject())
        {
            if (!known.Contains(property.Name))
                errors.Add($"payload.{Cut(property.Name)}",
                    $"not a field of this type, which takes {string.Join(", ", known.ToArray())}");
        }

        return true;
    }

    public static void RequireText(JsonElement payload, PayloadErrors errors, string field, int charactersMax)
    {
        if (!payload.TryGetProperty(field, out var value))
            errors.Add($"payload.{field}", "required and missing");
        else
            CheckText(value, errors, $"payload.{field}", charactersMax);
    }

    public static void OptionalText(JsonElement payload, PayloadErrors errors, string field, int charactersMax)
    {
        if (payload.TryGetProperty(field, out var value)) CheckText(value, errors, $"payload.{field}", charactersMax);
    }

    public static void OptionalNumber(JsonElement payload, PayloadErrors errors, string field, long min, long max)
    {
        if (!payload.TryGetProperty(field, out var value)) return;
        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number)
            && number >= min && number <= max) return;
        errors.Add($"payload.{field}",
            $"expected a whole number from {min} to {max}, came {Kind(value)}");
    }

    public static bool CheckText(JsonElement value, PayloadErrors errors, string path, int charactersMax)
    {
        if (value.ValueKind != JsonValueKind.String)
            errors.Add(path, $"expected a string, came {Kind(value)}");
        else if (value.GetString()!.Length is var length && length is 0 || length > charactersMax)
            errors.Add(path, $"expected 1 to {charactersMax} characters, came {length}");
        else
            return true;
        return false;
    }

    /// <param name="lookup">Is asked past what it keeps.</param>
    /// <param name="payload">Its <c>collection</c> is a name, an alias or an id.</param>
    /// <param name="chosenId">Of an earlier attempt: a task stays with its collection, whatever an alias leads to
    /// meanwhile; null to look.</param>
    /// <param name="cancellation">Of the attempt.</param>
    /// <exception cref="TaskFailedException">It is gone: another attempt would not find it either.</exception>
    public static async Task<Collection> FindCollectionAsync(
        CollectionLookup lookup, JsonElement payload, string? chosenId, CancellationToken cancellation)
    {
        try
        {
            return await lookup.ReadAsync(
                chosenId ?? payload.GetProperty("collection").GetString()!, cancellation);
        }
        catch (ApiException e) when (e.Code == ErrorCodes.CollectionNotFound)
        {
            throw new TaskFailedException(e.Message, retriable: false, e);
        }
    }

    public static string Kind(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => $"the number {Cut(value.GetRawText())}",
        JsonValueKind.True or JsonValueKind.False => "a boolean",
        _ => "null",
    };

    private static string Cut(string text) => text.Length <= 40 ? text : text[..40] + "…";
}
