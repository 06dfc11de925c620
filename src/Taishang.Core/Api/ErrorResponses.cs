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

    public static void UseErrorEnvelope(this IApplicationBuilder app) => app.Use(async (context, next) =>
    {
        try
        {
            await next(context);
            if (context.Response.HasStarted || context.Response.ContentLength is not null) return;
            if (context.Response.ContentType is not null) return;
            if (OfStatus(context.Response.StatusCode) is { } code)
                await WriteAsync(context, new ApiException(code, $"{code.Message}: {context.Request.Method} "
                    + $"{context.Request.Path}"));
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
        JsonException json => JsonBody.Explain(json),
        BadHttpRequestException { StatusCode: 413 } => new ApiException(ErrorCodes.BodyTooLarge, inner: e),
        BadHttpRequestException bad => new ApiException(ErrorCodes.InvalidArgument, bad.Message, inner: e),
        DbException or TimeoutException when DatabaseFailure.IsUnavailable(e) =>
            new ApiException(ErrorCodes.DatabaseUnavailable, inner: e),
        _ => new ApiException(ErrorCodes.Internal, inner: e),
    };

    public static async Task WriteAsync(HttpContext context, ApiException error)
    {
        var response = context.Response;
        response.Clear();
        response.StatusCode = error.Code.HttpStatus;
        response.ContentType = Envelope.JsonContentType;
        if (error.RetryAfter is not null || error.Code.Retriable)
        {
            var seconds = Math.Ceiling((error.RetryAfter ?? RetryAfterDefault).TotalSeconds);
            response.Headers.RetryAfter = seconds.ToString("0");
        }

        await using var writer = new Utf8JsonWriter(response.BodyWriter, Envelope.WriterOptions);
        writer.WriteStartObject();
        writer.WriteNumber("code"u8, error.Code.Number);
        writer.WriteStartObject("data"u8);
        writer.WriteStartArray("errors"u8);
        foreach (var field in error.Errors) JsonSerializer.Serialize(writer, field, ApiJson.Options);
        writer.WriteEndArray();
        writer.WriteEndObject();
        writer.WriteString("message"u8, error.Message);
        writer.WriteEndObject();
        await writer.FlushAsync(context.RequestAborted);
    }

    private static ErrorCode? OfStatus(int status) => status switch
    {
        404 => ErrorCodes.RouteNotFound,
        405 => ErrorCodes.MethodNotAllowed,
        413 => ErrorCodes.BodyTooLarge,
        415 => ErrorCodes.UnsupportedMediaType,
        429 => ErrorCodes.TooManyRequests,
        >= 500 => ErrorCodes.Internal,
        >= 400 => ErrorCodes.InvalidArgument,
        _ => null,
    };

    private static void LogFailure(HttpContext context, ApiException error, Exception e) =>
        context.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger("Taishang.Core.Api").LogError(
            e, "{Method} {Path} failed with {Code}", context.Request.Method, context.Request.Path, error.Code.Name);
}
