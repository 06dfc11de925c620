using System.Net;
using Microsoft.Extensions.Time.Testing;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Testing.Hosts;
using static Taishang.Core.Tests.Models.ModelWorld;

namespace Taishang.Core.Tests.Models;

public sealed class ModelLifeTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 22, 8, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task A_model_goes_through_its_life_and_no_other_way()
    {
        var time = new FakeTimeProvider(Now);
        await using var host = await CoreHost.StartAsync(new CoreHostOptions { Time = time });
        var id = await host.RegisterAsync();
        async Task<string> Do(string verb, string? body = null)
        {
            var answer = await host.Api.PostAsync($"{Root}/{id}/{verb}", body);
            return answer.Code == 0 ? answer.String("status") : answer.Code.ToString();
        }

        const string Retire = """{"retire_at":"2027-01-01T00:00:00Z"}""";
        Assert.Equal("active", await Do("activate"));
        Assert.Equal("inactive", await Do("deactivate"));
        Assert.Equal("inactive", await Do("deactivate"));
        Assert.Equal("20005", await Do("deprecate", Retire));
        Assert.Equal("active", await Do("activate"));
        Assert.Equal("deprecated", await Do("deprecate", Retire));
        Assert.Equal("2027-01-01T00:00:00.000000Z", (await host.ModelAsync(id)).Text("retire_at"));
        Assert.Equal("20005", await Do("activate"));
        Assert.Equal("deprecated", await Do("deprecate", """{"retire_at":"2027-06-01T00:00:00Z"}"""));
        Assert.Equal("inactive", await Do("deactivate"));
        Assert.False((await host.ModelAsync(id)).TryGetProperty("retire_at", out _));
        Assert.Equal("active", await Do("activate"));
    }

    [Theory]
    [InlineData("{}", 10005)]
    [InlineData("""{"retire_at":"2026-11-22T08:00:00Z"}""", 20003)]
    [InlineData("""{"retire_at":"2500-01-01T00:00:00Z"}""", 20003)]
    [InlineData("""{"retire_at":"soon"}""", 10004)]
    [InlineData(null, 10002)]
    public async Task A_bad_day_of_retirement_is_refused(string? body, int code)
    {
        await using var host = await CoreHost.StartAsync(new CoreHostOptions { Time = new FakeTimeProvider(Now) });
        var id = await host.RegisterAsync();
        Assert.Equal(code, (await host.Api.PostAsync($"{Root}/{id}/deprecate", body)).Code);
        Assert.Equal("active", (await host.ModelAsync(id)).Text("status"));
    }

    [Fact]
    public async Task Calls_of_a_deprecated_model_carry_its_dates_and_end_at_its_retirement()
    {
        var time = new FakeTimeProvider(Now);
        var ai = new FakeAiClient().WithPassingModels()
            .On(AiCalls.InferenceModel, _ => new InferenceModelResponse { Tokens = 1 });
        await using var host = await CoreHost.StartAsync(new CoreHostOptions { Time = time, Ai = ai });
        var id = await host.RegisterAsync();
        var plain = await host.Api.PostAsync($"{Root}/{id}/infer", """{"text":"a"}""");
        Assert.False(plain.Headers.Contains("Deprecation"));

        await host.Api.PostAsync($"{Root}/{id}/deprecate", """{"retire_at":"2026-11-23T08:00:00Z"}""");
        var announced = await host.Api.PostAsync($"{Root}/{id}/infer", """{"text":"a"}""");
        Assert.Equal(0, announced.Code);
        Assert.Equal($"@{Now.ToUnixTimeSeconds()}", announced.Headers.GetValues("Deprecation").Single());
        Assert.Equal("Mon, 23 Nov 2026 08:00:00 GMT", announced.Headers.GetValues("Sunset").Single());

        time.SetUtcNow(Now.AddDays(1));
        var retired = await host.Api.PostAsync($"{Root}/{id}/infer", """{"text":"a"}""");
        Assert.Equal((HttpStatusCode.Gone, 20009), (retired.Status, retired.Code));
        Assert.Equal(2, host.Ai.RequestsOf<InferenceModelRequest>().Count());
    }

    [Fact]
    public async Task An_activation_whose_test_fails_leaves_the_reason()
    {
        await using var host = await CoreHost.StartAsync();
        var id = await host.RegisterAsync();
        await host.Api.PostAsync($"{Root}/{id}/deactivate");
        host.Ai.On(AiCalls.TestModel, _ => new TestModelResponse { Reason = "wrong key" });
        var refused = await host.Api.PostAsync($"{Root}/{id}/activate");
        Assert.Equal((HttpStatusCode.UnprocessableEntity, 20011), (refused.Status, refused.Code));
        Assert.Equal("wrong key", (await host.ModelAsync(id)).Text("status_reason"));
    }

    [Fact]
    public async Task A_test_tells_what_it_saw_and_changes_no_status()
    {
        await using var host = await CoreHost.StartAsync();
        var id = await host.RegisterAsync();
        host.Ai.On(AiCalls.TestModel, _ => new TestModelResponse { Reason = "down for today", LatencyMs = 7 });
        var test = await host.Api.PostAsync($"{Root}/{id}/test");
        Assert.Equal("""{"passed":false,"reason":"down for today","latency_ms":7}""", test.Data.GetRawText());
        Assert.Equal("active", (await host.ModelAsync(id)).Text("status"));
        host.Ai.Forget("TestModel");
        Assert.Equal(90001, (await host.Api.PostAsync($"{Root}/{id}/test")).Code);
    }
}
