using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Taishang.Core.Api;

/// <summary>The shape of every answer: <c>{code, data, message}</c>; code 0 is success.</summary>
public static class Envelope
{
    public const string JsonContentType = "application/json; charset=utf-8";

    /// <summary>A writer that has held more than this is not kept for the thread's next answer.</summary>
    private const int KeptWriterBytesMax = 1 << 20;

    // One writer for each thread: a request writes its whole answer without waiting, so two never meet on it.
    [ThreadStatic]
    private static Utf8JsonWriter? _threadWriter;

    internal static JsonWriterOptions WriterOptions { get; } = new()
    {
        Encoder = ApiJson.Options.Encoder,
        SkipValidation = true,
    };

    /// <summary>200 with data.</summary>
    public static IResult Ok<T>(T data) => new DataResult<T>(data, StatusCodes.Status200OK);

    /// <summary>201 with data, for a POST that created.</summary>
    public static IResult Created<T>(T data) => new DataResult<T>(data, StatusCodes.Status201Created);

    /// <summary>200 without data, as the seed gives to DELETE: <c>{code, message}</c>.</summary>
    public static IResult Done() => new DataResult<object>(null, StatusCodes.Status200OK);

    /// <summary>A page of a list under its own name: <c>{code, data: {NAME: [...], total}, message}</c>.</summary>
    public static IResult Page<T>(string name, IReadOnlyList<T> rows, long total) =>
        Ok(new Dictionary<string, object> { [name] = rows, ["total"] = total });

    /// <summary>
    /// Writes a success whose data the caller writes as exactly one JSON value, without a tree in between. The
    /// callback must not wait for anything.
    /// </summary>
    public static Task WriteAsync(
        HttpContext context, Action<Utf8JsonWriter> writeData, int status = StatusCodes.Status200OK) =>
        WriteAsync(context, writeData, static (write, writer) => write(writer), status);

    /// <summary>As above, with the state handed through so that a hot path needs no closure.</summary>
    public static async Task WriteAsync<TState>(
        HttpContext context, TState state, Action<TState, Utf8JsonWriter> writeData,
        int status = StatusCodes.Status200OK)
    {
        var response = context.Response;
        response.StatusCode = status;
        response.ContentType = JsonContentType;
        WriteBody(response, state, writeData);
        await response.BodyWriter.FlushAsync(context.RequestAborted);
    }

    private static void WriteBody<TState>(
        HttpResponse response, TState state, Action<TState, Utf8JsonWriter>? writeData)
    {
        var writer = _threadWriter ?? new Utf8JsonWriter(response.BodyWriter, WriterOptions);
        _threadWriter = null;
        writer.Reset(response.BodyWriter);
        writer.WriteStartObject();
        writer.WriteNumber("code"u8, 0);
        if (writeData is not null)
        {
            writer.WritePropertyName("data"u8);
            writeData(state, writer);
        }

        writer.WriteString("message"u8, "ok"u8);
        writer.WriteEndObject();
        writer.Flush();
        // After an exception the writer is left to the collector: what it holds is half an answer.
        if (writer.BytesCommitted <= KeptWriterBytesMax) _threadWriter = writer;
    }

    private sealed class DataResult<T>(T? data, int status) : IResult, IStatusCodeHttpResult
    {
        public int? StatusCode => status;

        public async Task ExecuteAsync(HttpContext httpContext)
        {
            var response = httpContext.Response;
            response.StatusCode = status;
            response.ContentType = JsonContentType;
            if (data is null) WriteBody<object?>(response, null, null);
            else WriteBody(response, data, static (value, writer) =>
                JsonSerializer.Serialize(writer, value, ApiJson.Options));
            await response.BodyWriter.FlushAsync(httpContext.RequestAborted);
        }
    }
}
