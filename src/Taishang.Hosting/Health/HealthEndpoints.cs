using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Taishang.Hosting.Health;

/// <summary>
/// <c>/healthz</c>: the process answers. <c>/readyz</c>: it can take work, with every check's name and reason; 503
/// until then. Both in the envelope of the REST API: <c>{code, data: {status, checks}, message}</c>.
/// </summary>
internal static class HealthEndpoints
{
    /// <summary>The numbers of not_ready and shutting_down in the one error table; a test compares them.</summary>
    public const int NotReadyNumber = 10020;
    public const int ShuttingDownNumber = 10017;

    private const int Unavailable = StatusCodes.Status503ServiceUnavailable;

    private static readonly JsonWriterOptions WriterOptions = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static void MapHealth(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/healthz", (Delegate)AliveAsync).DisableHttpMetrics();
        routes.MapGet("/readyz", (Delegate)ReadyAsync).DisableHttpMetrics();
    }

    private static async Task AliveAsync(HttpContext context) =>
        await WriteAsync(context, new Answer(StatusCodes.Status200OK, 0, "alive", "ok"), null);

    private static async Task ReadyAsync(HttpContext context, ReadinessReport report)
    {
        var checks = await report.AskAsync(context.RequestAborted);
        var answer = report.IsStopping
            ? new Answer(Unavailable, ShuttingDownNumber, "stopping", "the server is stopping")
            : checks.All(check => check.Ready)
                ? new Answer(StatusCodes.Status200OK, 0, "ready", "ok")
                : new Answer(Unavailable, NotReadyNumber, "not_ready", Missing(checks));
        await WriteAsync(context, answer, checks);
    }

    private static string Missing(IReadOnlyList<CheckedReadiness> checks) => "not ready: " + string.Join(
        "; ",
        checks.Where(check => !check.Ready).Select(check => $"{check.Name}: {check.Reason ?? "no reason given"}"));

    private static async Task WriteAsync(HttpContext context, Answer answer, IReadOnlyList<CheckedReadiness>? checks)
    {
        var response = context.Response;
        response.StatusCode = answer.HttpStatus;
        response.ContentType = "application/json; charset=utf-8";
        response.Headers.CacheControl = "no-store";
        if (answer.Number != 0) response.Headers.RetryAfter = "1";
        await using var writer = new Utf8JsonWriter(response.BodyWriter, WriterOptions);
        writer.WriteStartObject();
        writer.WriteNumber("code"u8, answer.Number);
        writer.WriteStartObject("data"u8);
        writer.WriteString("status"u8, answer.Status);
        if (checks is not null) WriteChecks(writer, checks);
        writer.WriteEndObject();
        writer.WriteString("message"u8, answer.Message);
        writer.WriteEndObject();
        await writer.FlushAsync(context.RequestAborted);
    }

    private static void WriteChecks(Utf8JsonWriter writer, IReadOnlyList<CheckedReadiness> checks)
    {
        writer.WriteStartArray("checks"u8);
        foreach (var check in checks)
        {
            writer.WriteStartObject();
            writer.WriteString("name"u8, check.Name);
            writer.WriteBoolean("ready"u8, check.Ready);
            if (check.Reason is not null) writer.WriteString("reason"u8, check.Reason);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private sealed record Answer(int HttpStatus, int Number, string Status, string Message);
}
