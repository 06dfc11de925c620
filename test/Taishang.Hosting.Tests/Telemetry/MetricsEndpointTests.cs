using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Builder;

namespace Taishang.Hosting.Tests.Telemetry;

public sealed class MetricsEndpointTests
{
    [Fact]
    public async Task Metrics_show_requests_runtime_and_every_meter_of_ours_under_their_names()
    {
        await using var host = await HostedApp.StartAsync(map: app => app.MapGet("/things/{id}", (string id) => id));
        using var meter = new Meter("Taishang.Probe");
        meter.CreateHistogram<double>("taishang.probe.duration", "s").Record(0.0003);
        meter.CreateCounter<long>("taishang.probe.rows", "{row}").Add(3);
        await host.Client.GetStringAsync("/things/7");

        var text = await ScrapeAsync(host, "http_route=\"/things/{id}\"");
        Assert.Contains("http_server_request_duration_seconds_count{", text);
        Assert.Contains("dotnet_process_memory_working_set_bytes", text);
        Assert.Contains("dotnet_gc_collections_total", text);
        Assert.Contains("taishang_probe_rows_total", text);
        // A tenth of a millisecond must be told from a millisecond.
        Assert.Matches("taishang_probe_duration_seconds_bucket\\{[^}]*le=\"0.0005\"[^}]*\\} 1", text);
        Assert.DoesNotContain("http_route=\"/metrics\"", text);
    }

    /// <summary>A request is measured just after its answer has left, so its figures may come a moment later.</summary>
    private static async Task<string> ScrapeAsync(HostedApp host, string expected)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (true)
        {
            var text = await host.Client.GetStringAsync("/metrics", limit.Token);
            if (text.Contains(expected, StringComparison.Ordinal)) return text;
            await Task.Delay(5, limit.Token);
        }
    }

    [Fact]
    public async Task Work_of_ours_continues_the_trace_without_any_exporter()
    {
        using var source = new ActivitySource("Taishang.Probe");
        string? inside = null;
        await using var host = await HostedApp.StartAsync(map: app => app.MapGet("/work", () =>
        {
            using var activity = source.StartActivity("work");
            inside = activity?.TraceId.ToHexString();
            return "done";
        }));
        using var request = new HttpRequestMessage(HttpMethod.Get, "/work");
        request.Headers.Add("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        using var answer = await host.Client.SendAsync(request);
        Assert.Equal("0af7651916cd43dd8448eb211c80319c", inside);
    }

    [Fact]
    public async Task Two_hosts_of_one_process_share_the_metrics_of_the_first()
    {
        await using var first = await HostedApp.StartAsync();
        await using var second = await HostedApp.StartAsync(
            map: app => app.MapGet("/second-host", () => "ok"), telemetry: false);
        await second.Client.GetStringAsync("/second-host");

        await ScrapeAsync(first, "http_route=\"/second-host\"");
        using var none = await second.Client.GetAsync("/metrics");
        Assert.Equal(System.Net.HttpStatusCode.NotFound, none.StatusCode);
    }
}
