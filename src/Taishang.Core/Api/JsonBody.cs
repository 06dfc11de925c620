using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Taishang.Core.Api;

/// <summary>Reads a request's JSON body and says exactly what is wrong with one that is not as it should be.</summary>
public static class JsonBody
{
    /// <exception cref="ApiException">Not JSON, not UTF-8, too deep, unknown, missing or wrongly typed field.</exception>
    public static async Task<T> ReadAsync<T>(HttpContext context, CancellationToken cancellation)
        where T : class
    {
        RequireJson(context.Request);
        try
        {
            return await JsonSerializer.DeserializeAsync<T>(
                    context.Request.BodyReader, ApiJson.Options, cancellation)
                ?? throw new ApiException(ErrorCodes.WrongType, "body: expected an object, came null");
        }
        catch (JsonException e)
        {
            throw Explain(e);
        }
        catch (BadHttpRequestException e) when (e.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            throw new ApiException(ErrorCodes.BodyTooLarge, inner: e);
        }
    }

    private static void RequireJson(HttpRequest request)
    {
        if (request.HasJsonContentType()) return;
        throw new ApiException(
            ErrorCodes.UnsupportedMediaType, $"content-type: expected application/json, came '{request.ContentType}'");
    }

    /// <summary>Turns the parser's message into a code, a field and a sentence without type names of ours.</summary>
    internal static ApiException Explain(JsonException e)
    {
        var field = (e.Path ?? "$").TrimStart('$').TrimStart('.');
        var (code, message) = Classify(e.Message);
        var where = field.Length == 0 ? "body" : field;
        if (e.LineNumber is { } line && code == ErrorCodes.MalformedJson)
            message += $" (line {line + 1}, byte {e.BytePositionInLine + 1})";
        return new ApiException(code, $"{where}: {message}", [new FieldError(field, code.Number, message)], inner: e);
    }

    private static (ErrorCode Code, string Message) Classify(string text)
    {
        if (text.Contains("maximum configured depth", StringComparison.Ordinal))
            return (ErrorCodes.TooDeep, $"expected at most {ApiJson.DepthMax} levels of nesting");
        if (text.Contains("could not be mapped to any .NET member", StringComparison.Ordinal))
            return (ErrorCodes.UnknownField, $"'{Quoted(text)}' is not a field of this request");
        if (text.Contains("Duplicate property", StringComparison.Ordinal))
            return (ErrorCodes.MalformedJson, $"'{Quoted(text)}' is given twice");
        if (text.Contains("missing required propert", StringComparison.Ordinal))
            return (ErrorCodes.MissingField, $"required and missing: {AfterColon(text)}");
        if (text.Contains("doesn't allow setting null", StringComparison.Ordinal)
            || text.Contains("doesn't allow null", StringComparison.Ordinal))
            return (ErrorCodes.WrongType, "expected a value, came null");
        if (text.StartsWith("expected ", StringComparison.Ordinal))
            return (ErrorCodes.WrongType, Sentence(text));
        if (text.Contains("could not be converted to", StringComparison.Ordinal))
            return (ErrorCodes.WrongType, "the value has the wrong JSON type or is out of range");
        return (ErrorCodes.MalformedJson, "not JSON in UTF-8: " + Sentence(text));
    }

    private static string Quoted(string text)
    {
        var parts = text.Split('\'');
        return parts.Length > 1 ? parts[1] : "?";
    }

    private static string AfterColon(string text)
    {
        var at = text.LastIndexOf("including:", StringComparison.Ordinal);
        return at >= 0 ? text[(at + 10)..].Trim(' ', '.') : Sentence(text[(text.LastIndexOf(':') + 1)..].Trim());
    }

    /// <summary>The parser appends where it stood; the envelope says that in its own words.</summary>
    private static string Sentence(string text)
    {
        var at = text.IndexOf(" Path: ", StringComparison.Ordinal);
        if (at < 0) at = text.IndexOf(" LineNumber: ", StringComparison.Ordinal);
        return (at < 0 ? text : text[..at]).TrimEnd('.', ' ');
    }
}
