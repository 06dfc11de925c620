using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Taishang.Hosting.Requests;

namespace Taishang.Hosting.Tests.Requests;

public sealed class RequestIdentityTests
{
    private const string TraceId = "4bf92f3577b34da6a3ce929d0e0e4736";

    [Fact]
    public async Task A_callers_request_id_and_trace_come_back()
    {
        await using var host = await HostedApp.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/healthz");
        request.Headers.Add(RequestIdentity.RequestIdHeader, "order-17/retry-2");
        request.Headers.Add("traceparent", $"00-{TraceId}-00f067aa0ba902b7-01");
        using var answer = await host.Client.SendAsync(request);
        Assert.Equal("order-17/retry-2", Assert.Single(answer.Headers.GetValues(RequestIdentity.RequestIdHeader)));
        var traceParent = Assert.Single(answer.Headers.GetValues("traceparent"));
        Assert.StartsWith($"00-{TraceId}-", traceParent);
        Assert.DoesNotContain("00f067aa0ba902b7", traceParent);
    }

    [Fact]
    public async Task A_request_without_an_id_gets_one_that_is_also_its_trace()
    {
        await using var host = await HostedApp.StartAsync();
        using var answer = await host.Client.GetAsync("/healthz");
        var requestId = Assert.Single(answer.Headers.GetValues(RequestIdentity.RequestIdHeader));
        Assert.Contains(requestId, Assert.Single(answer.Headers.GetValues("traceparent")));
    }

    [Theory]
    [InlineData("two words")]
    [InlineData("quote\"d")]
    [InlineData("")]
    public async Task An_id_that_could_forge_a_line_is_replaced(string id)
    {
        await using var host = await HostedApp.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/healthz");
        request.Headers.TryAddWithoutValidation(RequestIdentity.RequestIdHeader, id);
        using var answer = await host.Client.SendAsync(request);
        Assert.NotEqual(id, Assert.Single(answer.Headers.GetValues(RequestIdentity.RequestIdHeader)));
    }

    [Fact]
    public async Task An_id_over_the_limit_is_replaced()
    {
        await using var host = await HostedApp.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/healthz");
        request.Headers.Add(RequestIdentity.RequestIdHeader, new string('a', RequestIdentity.RequestIdCharsMax + 1));
        using var answer = await host.Client.SendAsync(request);
        Assert.True(Assert.Single(answer.Headers.GetValues(RequestIdentity.RequestIdHeader)).Length
            <= RequestIdentity.RequestIdCharsMax);
    }

    [Fact]
    public async Task The_identity_survives_an_error_handler_that_clears_the_answer()
    {
        await using var host = await HostedApp.StartAsync(map: app => app.MapGet("/fails", context =>
        {
            context.Response.Clear();
            context.Response.StatusCode = 500;
            return Task.CompletedTask;
        }));
        using var request = new HttpRequestMessage(HttpMethod.Get, "/fails");
        request.Headers.Add(RequestIdentity.RequestIdHeader, "kept");
        using var answer = await host.Client.SendAsync(request);
        Assert.Equal("kept", Assert.Single(answer.Headers.GetValues(RequestIdentity.RequestIdHeader)));
        Assert.Single(answer.Headers.GetValues("traceparent"));
    }
}
