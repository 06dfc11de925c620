using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Taishang.Core.Api;

/// <summary>The shape of every answer: <c>{code, data, message}</c>; code 0 is success.</summary>
public static class Envelope
{
    public const string JsonContentType = "application/json; charset=utf-8";

    /// <summary>200 with data.</summary>
    public static IResult Ok<T>(T data) => new DataResult<T>(data, StatusCodes.Status200OK);

    /// <summary>201 with data, for a POST that created.</summary>
    public static IResult Created<T>(T data) => new DataResult<T>(data, StatusCodes.Status201Created);

    /// <summary>200 without data, as the seed gives to DELETE: <c>{code, message}</c>.</summary>
    public static IResult Done() => new DataResult<object>(null, StatusCodes.Status200OK);

    /// <summary>A page of a list under its own name: <c>{code, data: {NAME: [...], total}, message}</c>.</summary>
    public static IResult Page<T>(string name, IReadOnlyList<T> rows, long total) =>
        Ok(new Dictionary<string, object> { [name] = rows, ["total"] = total });

    private sealed class DataResult<T>(T? data, int status) : IResult
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            var response = httpContext.Response;
            response.StatusCode = status;
            response.ContentType = JsonContentType;
            await using var writer = new Utf8JsonWriter(response.BodyWriter, WriterOptions);
            writer.WriteStartObject();
            writer.WriteNumber("code"u8, 0);
            if (data is not null)
            {
                writer.WritePropertyName("data"u8);
                JsonSerializer.Serialize(writer, data, ApiJson.Options);
            }

            writer.WriteString("message"u8, "ok"u8);
            writer.WriteEndObject();
            await writer.FlushAsync(httpContext.RequestAborted);
        }
    }

    internal static JsonWriterOptions WriterOptions { get; } = new()
    {
        Encoder = ApiJson.Options.Encoder,
        SkipValidation = true,
    };
}
