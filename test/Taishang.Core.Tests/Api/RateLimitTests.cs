using System.Net;
using Taishang.Testing.Hosts;

namespace Taishang.Core.Tests.Api;

public sealed class RateLimitTests
{
    [Fact]
    public async Task A_client_beyond_its_bucket_gets_429_with_retry_after_and_other_groups_go_on()
    {
        await using var host = await CoreHost.StartAsync(new CoreHostOptions
        {
            Settings = new Dictionary<string, string>
            {
                ["Api:RateLimits:pipelines:TokensPerSecond"] = "1",
                ["Api:RateLimits:pipelines:Burst"] = "3",
            },
        });
        // A slow machine earns tokens between two requests, but never as fast as it asks.
        var answers = new List<ApiAnswer>();
        while (answers.Count < 1_000 && answers.Count(IsRefused) < 2)
            answers.Add(await host.Api.GetAsync("/api/taishang/pipelines/none"));

        var refused = answers.Where(IsRefused).ToList();
        Assert.Equal(2, refused.Count);
        Assert.All(refused, answer =>
        {
            Assert.Equal(10015, answer.Code);
            Assert.True(int.Parse(answer.Headers.GetValues("Retry-After").Single()) >= 1);
        });
        Assert.All(answers.Take(3), answer => Assert.Equal(HttpStatusCode.NotFound, answer.Status));
        Assert.Equal(HttpStatusCode.NotFound, (await host.Api.GetAsync("/api/taishang/other")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await host.Api.GetAsync("/nothing")).Status);
    }

    private static bool IsRefused(ApiAnswer answer) => answer.Status == HttpStatusCode.TooManyRequests;

    [Fact]
    public async Task The_defaults_do_not_stand_in_the_way_of_honest_load()
    {
        await using var host = await CoreHost.StartAsync();
        for (var i = 0; i < 500; i++)
            Assert.Equal(HttpStatusCode.NotFound, (await host.Api.GetAsync("/api/taishang/pipelines/none")).Status);
    }
}
