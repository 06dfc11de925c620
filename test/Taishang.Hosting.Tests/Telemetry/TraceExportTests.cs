using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Taishang.Hosting.Tests.Telemetry;

public sealed class TraceExportTests
{
    [Fact]
    public async Task Spans_leave_the_process_only_when_an_endpoint_is_given()
    {
        var bodies = new ConcurrentQueue<(string Path, string Text)>();
        await using var collector = await HostedApp.StartAsync(
            map: app => app.MapPost("/v1/{signal}", async (HttpRequest request) =>
            {
                using var body = new MemoryStream();
                await request.Body.CopyToAsync(body);
                bodies.Enqueue((request.Path, Encoding.Latin1.GetString(body.ToArray())));
                return Results.Ok();
            }),
            telemetry: false);
        using var source = new ActivitySource("Taishang.Export.Probe");
        await using (var host = await HostedApp.StartAsync(
            builder =>
            {
                builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Client.BaseAddress!.ToString();
                builder.Configuration["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf";
            },
            app => app.MapGet("/work", () =>
            {
                using var activity = source.StartActivity("exported-span");
                return "done";
            })))
        {
            await host.Client.GetStringAsync("/work");
        }

        Assert.Contains(bodies, sent => sent.Path == "/v1/traces" && sent.Text.Contains("exported-span"));
        Assert.Contains(bodies, sent => sent.Path == "/v1/traces" && sent.Text.Contains("taishang-test"));
        Assert.Contains(bodies, sent => sent.Path == "/v1/metrics");
    }
}
