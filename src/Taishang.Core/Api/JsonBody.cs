using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace Taishang.Core.Api;

/// <summary>Reads a request's JSON body and says exactly what is wrong with one that is not as it should be.</summary>
public static class JsonBody
{
    /// <exception cref="ApiException">Not JSON in UTF-8, too deep, unknown, missing or wrongly typed field.</exception>
    public static async Task<T> ReadAsync<T>(HttpContext context, CancellationToken cancellation)
        where T : class =>
        await ReadOptionalAsync<T>(context, cancellation)
            ?? throw new ApiException(ErrorCodes.MalformedJson, "body: expected a JSON object, came nothing");

    /// <summary>As <see cref="ReadAsync"/>; null when there is no body at all.</summary>
    public static async Task<T?> ReadOptionalAsync<T>(HttpContext context, CancellationToken cancellation)
        where T : class
    {
        var json = await ReadTextAsync(context, cancellation);
        return json.Length == 0 ? null : Parse<T>(json);
    }

    /// <summary>
    /// The body as checked JSON text for a parser of the caller's; empty when there is none. Valid until the answer is
    /// complete.
    /// </summary>
    /// <exception cref="ApiException">Wrong content type, too large, or not UTF-8.</exception>
    public static async ValueTask<ReadOnlyMemory<byte>> ReadTextAsync(
        HttpContext context, CancellationToken cancellation)
    {
        if (context.Request.ContentLength != 0 && context.Request.ContentType is not null) RequireJson(context.Request);
        var body = await RequestBody.ReadAsync(context, cancellation);
        if (body.Bytes.Length > 0) RequireJson(context.Request);
        return body.JsonText();
    }

    /// <exception cref="ApiException">Malformed, too deep, unknown, missing or wrongly typed field.</exception>
    public static T Parse<T>(ReadOnlyMemory<byte> json)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize<T>(json.Span, ApiJson.Options)
                ?? throw new ApiException(ErrorCodes.WrongType, "body: expected an object, came null");
        }
        catch (JsonException e)
        {
            throw JsonFault.Explain(e, json, typeof(T));
        }
    }

    private static void RequireJson(HttpRequest request)
    {
        if (request.Headers.ContentEncoding is [{ Length: > 0 } encoding, ..] && encoding != "identity")
            throw new ApiException(
                ErrorCodes.UnsupportedMediaType, $"content-encoding: expected none, came '{Cut(encoding)}'");
        var charset = MediaTypeHeaderValue.TryParse(request.ContentType, out var type) ? type.Charset.Value : null;
        if (request.HasJsonContentType() && charset?.Trim('"').ToUpperInvariant() is null or "UTF-8") return;
        throw new ApiException(
            ErrorCodes.UnsupportedMediaType,
            $"content-type: expected application/json in UTF-8, came '{Cut(request.ContentType ?? "nothing")}'");
    }

    private static string Cut(string value) => value.Length <= 80 ? value : value[..80] + "…";
}
