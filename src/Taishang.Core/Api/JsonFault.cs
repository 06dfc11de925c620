using System.Text.Json;

namespace Taishang.Core.Api;

/// <summary>
/// Turns the parser's exception into a code, a field and a sentence of ours: the exception speaks of .NET types, which
/// no caller has. Its wording is pinned by tests, because it is the only place that tells the cases apart.
/// </summary>
internal static class JsonFault
{
    private const int NameLengthMax = 80;

    /// <param name="json">The text that was parsed, to tell what came; empty when it is gone.</param>
    /// <param name="target">What it was parsed into, to tell what was expected.</param>
    public static ApiException Explain(JsonException e, ReadOnlyMemory<byte> json = default, Type? target = null)
    {
        var path = e.Path ?? "$";
        var (code, message, last) = Classify(e.Message);
        if (code == ErrorCodes.WrongType)
        {
            if (message.Length == 0) message = $"expected {JsonPath.Expected(target, path)}";
            message += Came(json, path);
        }

        if (code == ErrorCodes.MalformedJson && last is null && e.LineNumber is { } line)
            message += $" (line {line + 1}, byte {e.BytePositionInLine + 1})";
        var field = Field(path);
        // The parser stands on the object that holds, or lacks, the field: the caller looks for the field itself.
        if (last is not null && field != last && !field.EndsWith("." + last, StringComparison.Ordinal))
            field = field.Length == 0 ? last : $"{field}.{last}";
        var where = field.Length == 0 ? "body" : field;
        return new ApiException(code, $"{where}: {message}", [new FieldError(field, code.Number, message)], inner: e);
    }

    private static (ErrorCode Code, string Message, string? Last) Classify(string text)
    {
        if (Has(text, "maximum configured depth"))
            return (ErrorCodes.TooDeep, $"expected at most {ApiJson.DepthMax} levels of nesting", null);
        if (Has(text, "could not be mapped to any .NET member"))
            return (ErrorCodes.UnknownField, "not a field of this request", Cut(Quoted(text)));
        if (Has(text, "Duplicate property"))
            return (ErrorCodes.MalformedJson, "given twice", Cut(Quoted(text)));
        if (Has(text, "missing required propert")) return Missing(text);
        if (Has(text, "doesn't allow setting null") || Has(text, "doesn't allow null")
            || Has(text, "value is null"))
            return (ErrorCodes.WrongType, "expected a value", null);
        if (text.StartsWith("expected ", StringComparison.Ordinal))
            return (ErrorCodes.WrongType, Sentence(text), null);
        if (Has(text, "could not be converted to ")) return (ErrorCodes.WrongType, "", null);
        return (ErrorCodes.MalformedJson, "not JSON: " + Sentence(text), null);
    }

    private static (ErrorCode Code, string Message, string? Last) Missing(string text)
    {
        var at = text.IndexOf("including:", StringComparison.Ordinal);
        var names = text[(at < 0 ? text.LastIndexOf(':') : at + 9)..].Trim(':', ' ', '.')
            .Split(',', StringSplitOptions.TrimEntries).Select(name => name.Trim('\'')).ToArray();
        var rest = names.Length > 1 ? $", as are {string.Join(", ", names[1..])}" : "";
        return (ErrorCodes.MissingField, $"required and missing{rest}", names[0]);
    }

    private static string Came(ReadOnlyMemory<byte> json, string path)
    {
        if (json.IsEmpty) return "";
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = ApiJson.DepthMax });
            return JsonPath.Find(document.RootElement, path) is { } value ? $", came {Describe(value)}" : "";
        }
        catch (JsonException)
        {
            // What follows the wrong value is broken too; the first fault is the one told.
            return "";
        }
    }

    private static string Describe(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => $"the number {Cut(value.GetRawText())}",
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        _ => "null",
    };

    private static string Field(string path) => Cut(path.TrimStart('$').TrimStart('.'));

    private static string Quoted(string text)
    {
        var start = text.IndexOf('\'', StringComparison.Ordinal);
        var end = start < 0 ? -1 : text.IndexOf('\'', start + 1);
        return end < 0 ? "?" : text[(start + 1)..end];
    }

    /// <summary>The parser appends where it stood; the envelope says that in its own words.</summary>
    private static string Sentence(string text)
    {
        var at = text.IndexOf(" Path: ", StringComparison.Ordinal);
        if (at < 0) at = text.IndexOf(" LineNumber: ", StringComparison.Ordinal);
        return (at < 0 ? text : text[..at]).TrimEnd('.', ' ');
    }

    private static bool Has(string text, string part) => text.Contains(part, StringComparison.Ordinal);

    private static string Cut(string name) => name.Length <= NameLengthMax ? name : name[..NameLengthMax] + "…";
}
