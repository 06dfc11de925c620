using System.Net;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Taishang.Core.Api;
using Taishang.Hosting.Health;

namespace Taishang.Hosting.Tests.Health;

public sealed class HealthEndpointsTests
{
    [Fact]
    public async Task A_process_that_answers_is_alive()
    {
        await using var host = await HostedApp.StartAsync();
        using var answer = await host.Client.GetAsync("/healthz");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(
            """{"code":0,"data":{"status":"alive"},"message":"ok"}""", await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Readiness_names_what_is_missing_and_turns_when_it_comes()
    {
        var collections = new SwitchedCheck("collections") { Answer = Readiness.Waiting("opening collections 3/10") };
        await using var host = await HostedApp.StartAsync(builder => builder.Services
            .AddSingleton<IReadinessCheck>(collections)
            .AddSingleton<IReadinessCheck>(new SwitchedCheck("ai")));

        using var waiting = await host.Client.GetAsync("/readyz");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, waiting.StatusCode);
        using var json = JsonDocument.Parse(await waiting.Content.ReadAsStringAsync());
        Assert.Equal(HealthEndpoints.NotReadyNumber, json.RootElement.GetProperty("code").GetInt32());
        Assert.Equal("not_ready", json.RootElement.GetProperty("data").GetProperty("status").GetString());
        Assert.Equal(
            """[{"name":"ai","ready":true},{"name":"collections","ready":false,"reason":"opening collections 3/10"}]""",
            json.RootElement.GetProperty("data").GetProperty("checks").GetRawText());
        Assert.Contains("opening collections 3/10", json.RootElement.GetProperty("message").GetString());

        collections.Answer = Readiness.Ready;
        using var ready = await host.Client.GetAsync("/readyz");
        Assert.Equal(HttpStatusCode.OK, ready.StatusCode);
        Assert.StartsWith("""{"code":0,"data":{"status":"ready",""", await ready.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_check_that_throws_is_not_ready_with_its_message()
    {
        var failing = new SwitchedCheck("database") { Failure = new IOException("no such host") };
        await using var host = await HostedApp.StartAsync(
            builder => builder.Services.AddSingleton<IReadinessCheck>(failing));
        using var answer = await host.Client.GetAsync("/readyz");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Contains("no such host", await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_check_that_hangs_is_not_ready_after_the_timeout()
    {
        var hanging = new SwitchedCheck("database") { Hangs = true };
        await using var host = await HostedApp.StartAsync(
            builder => builder.Services.AddSingleton<IReadinessCheck>(hanging));
        using var answer = await host.Client.GetAsync("/readyz");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Contains("no answer within 2 s", await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public void The_numbers_are_those_of_the_one_error_table()
    {
        Assert.Equal("not_ready", ErrorCodes.ByNumber[HealthEndpoints.NotReadyNumber].Name);
        Assert.Equal("shutting_down", ErrorCodes.ByNumber[HealthEndpoints.ShuttingDownNumber].Name);
    }

    private sealed class SwitchedCheck(string name) : IReadinessCheck
    {
        public string Name => name;

        public Readiness Answer { get; set; } = Readiness.Ready;

        public Exception? Failure { get; init; }

        public bool Hangs { get; init; }

        public async ValueTask<Readiness> CheckAsync(CancellationToken cancellation)
        {
            // Deaf to its token on purpose.
            if (Hangs) await new TaskCompletionSource().Task;
            return Failure is null ? Answer : throw Failure;
        }
    }
}
