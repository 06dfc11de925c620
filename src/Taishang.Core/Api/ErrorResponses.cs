using System.Data.Common;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Taishang.Core.Data;

namespace Taishang.Core.Api;

/// <summary>The one place where an exception, or a status without a body, becomes an envelope.</summary>
public static class ErrorResponses
{
    /// <summary>Retry-After of errors that may pass by themselves and name no time of their own.</summary>
    public static readonly TimeSpan RetryAfterDefault = TimeSpan.FromSeconds(1);

    private const int PathLengthMax = 200;

    /// <summary>Seconds that a caller is told to wait.</summary>
    internal static long SecondsOf(TimeSpan? retryAfter) =>
        Math.Max(1, (long)Math.Ceiling((retryAfter ?? RetryAfterDefault).TotalSeconds));

    public static void UseErrorEnvelope(this IApplicationBuilder app) => app.Use(async (context, next) =>
    {
        try
        {
            await next(context);
            if (context.Response.HasStarted || context.Response.ContentLength is not null) return;
            if (context.Response.ContentType is not null) return;
            if (OfStatus(context.Response.StatusCode) is { } code)
                await WriteBodyAsync(context, new ApiException(code, $"{code.Message}: {Describe(context.Request)}"));
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            context.Response.StatusCode = ErrorCodes.Cancelled.HttpStatus;
        }
        catch (Exception e) when (!context.Response.HasStarted)
        {
            var error = ToApi(e);
            if (error.Code.HttpStatus >= 500) LogFailure(context, error, e);
            await WriteAsync(context, error);
        }
    });

    public static ApiException ToApi(Exception e) => e switch
    {
        ApiException api => api,
        JsonException json => JsonFault.Explain(json),
        BadHttpRequestException { StatusCode: 413 } => new ApiException(ErrorCodes.BodyTooLarge, inner: e),
        BadHttpRequestException { StatusCode: 415 } => new ApiException(ErrorCodes.UnsupportedMediaType, inner: e),
        BadHttpRequestException bad =>
            new ApiException(ErrorCodes.InvalidArgument, WithoutTypes(bad.Message), inner: e),
        DbException or TimeoutException when DatabaseFailure.IsUnavailable(e) =>
            new ApiException(ErrorCodes.DatabaseUnavailable, inner: e),
        _ => new ApiException(ErrorCodes.Internal, inner: e),
    };

    /// <summary>Drops whatever the answer was to be and writes the error instead.</summary>
    public static Task WriteAsync(HttpContext context, ApiException error)
    {
        context.Response.Clear();
        ResponseHeaders.Apply(context);
        context.Response.StatusCode = error.Code.HttpStatus;
        return WriteBodyAsync(context, error);
    }

    private static async Task WriteBodyAsync(HttpContext context, ApiException error)
    {
        var response = context.Response;
        response.ContentType = Envelope.JsonContentType;
        var waits = error.RetryAfter is not null || error.Code.Retriable;
        if (waits && !OpenAiError.HidesWait(context.Request.Path, error))
        {
            response.Headers.RetryAfter = SecondsOf(error.RetryAfter).ToString("0");
        }

        if (HttpMethods.IsHead(context.Request.Method)) return;
        if (OpenAiError.IsFormOf(context.Request.Path))
        {
            OpenAiError.Write(response.BodyWriter, error);
            await response.BodyWriter.FlushAsync(context.RequestAborted);
            return;
        }

        await using (var writer = new Utf8JsonWriter(response.BodyWriter, Envelope.WriterOptions))
        {
            writer.WriteStartObject();
            writer.WriteNumber("code"u8, error.Code.Number);
            writer.WriteStartObject("data"u8);
            writer.WriteStartArray("errors"u8);
            foreach (var field in error.Errors) JsonSerializer.Serialize(writer, field, ApiJson.Options);
            writer.WriteEndArray();
            writer.WriteEndObject();
            writer.WriteString("message"u8, error.Message);
            writer.WriteEndObject();
        }

        await response.BodyWriter.FlushAsync(context.RequestAborted);
    }

    private static ErrorCode? OfStatus(int status) => status switch
    {
        404 => ErrorCodes.RouteNotFound,
        405 => ErrorCodes.MethodNotAllowed,
        413 => ErrorCodes.BodyTooLarge,
        415 => ErrorCodes.UnsupportedMediaType,
        429 => ErrorCodes.TooManyRequests,
        499 => null,
        >= 500 => ErrorCodes.Internal,
        >= 400 => ErrorCodes.InvalidArgument,
        _ => null,
    };

    private static string Describe(HttpRequest request)
    {
        var path = request.Path.Value ?? "/";
        return $"{request.Method} {(path.Length <= PathLengthMax ? path : path[..PathLengthMax] + "…")}";
    }

    /// <summary>The framework quotes the handler's parameter with its .NET type; callers know only the name.</summary>
    private static string WithoutTypes(string message)
    {
        const string Parameter = "Failed to bind parameter \"";
        const string Required = "Required parameter \"";
        var prefix = message.StartsWith(Parameter, StringComparison.Ordinal) ? Parameter
            : message.StartsWith(Required, StringComparison.Ordinal) ? Required : null;
        if (prefix is null) return message;
        var quoted = message[prefix.Length..];
        quoted = quoted[..Math.Max(0, quoted.IndexOf('"', StringComparison.Ordinal))];
        var name = quoted[(quoted.LastIndexOf(' ') + 1)..];
        return $"{name}: {(prefix == Required ? "required and missing" : "the value has the wrong form")}";
    }

    private static void LogFailure(HttpContext context, ApiException error, Exception e) =>
        context.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger("Taishang.Core.Api").LogError(
            e, "{Method} {Path} failed with {Code}", context.Request.Method, context.Request.Path, error.Code.Name);
}
