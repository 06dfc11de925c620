using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Models;
using Taishang.Testing.Hosts;
using static Taishang.Core.Tests.Models.ModelWorld;

namespace Taishang.Core.Tests.Models;

public sealed class ModelPromisesTests
{
    [Theory]
    [InlineData("1.2.0", "1.2.1", 512, 512, true)]
    [InlineData("1.2.0", "1.2.1", 512, 1024, false)]
    [InlineData("1.2.0", "1.3.0", 512, 1024, true)]
    [InlineData("1.2.0", "1.3.0", 512, 256, false)]
    [InlineData("1.2.0", "1.1.9", 512, 256, true)]
    [InlineData("1.2.0", "1.1.9", 512, 1024, false)]
    [InlineData("1.2.0", "1.2.0", 512, 256, false)]
    [InlineData("1.2.0", "1.2.0-rc.1", 512, 256, false)]
    [InlineData("1.2.0", "1.2.1", null, 256, true)]
    [InlineData("1.2.0", "1.2.1", 512, null, true)]
    public void Tokens_grow_with_a_minor_and_stay_with_a_patch(
        string other, string version, int? before, int? now, bool fits)
    {
        Assert.Equal(fits, Misfit(other, Seen("embedding", before), version, Seen("embedding", now)) is null);
        // A context that is declared follows the same rule, whatever a test sees.
        var chat = Seen("chat", null);
        Assert.Equal(fits, Misfit(other, chat, version, chat, Context(before), Context(now)) is null);

        static string Context(int? tokens) => tokens is null ? "{}" : $$"""{"context_tokens":{{tokens}}}""";
    }

    [Theory]
    [InlineData("1.1.0", "a b", "1.1.1", "a b", true)]
    [InlineData("1.1.0", "a b", "1.1.1", "a b c", false)]
    [InlineData("1.1.0", "a b", "1.1.1", "a", false)]
    [InlineData("1.1.0", "a b", "1.2.0", "a b c", true)]
    [InlineData("1.1.0", "a b", "1.2.0", "a c", false)]
    [InlineData("1.1.0", "a b", "1.0.5", "a", true)]
    [InlineData("1.1.0", "a b", "1.0.5", "a c", false)]
    public void Labels_are_added_by_a_minor_and_never_taken_away(
        string other, string before, string version, string now, bool fits)
    {
        static ModelTest Labels(string labels) =>
            Seen("classification", null) with { Labels = labels.Split(' ') };
        Assert.Equal(fits, Misfit(other, Labels(before), version, Labels(now)) is null);
    }

    [Fact]
    public void Normalisation_and_metric_hold_for_a_whole_major()
    {
        var (plain, normal) = (Seen("embedding", null) with { Normalized = false },
            Seen("embedding", null) with { Normalized = true });
        Assert.Contains("not normalised", Misfit("1.0.0", normal, "1.9.0", plain), StringComparison.Ordinal);
        Assert.Null(Misfit("1.0.0", normal, "1.9.0", normal));
        Assert.Null(Misfit("1.0.0", Seen("embedding", null), "1.9.0", plain));
        const string Cosine = """{"metric":"cosine"}""";
        var other = Misfit("1.0.0", normal, "1.1.0", normal, Cosine, """{"metric":"l2"}""");
        Assert.Contains("metric", other, StringComparison.Ordinal);
        Assert.Null(Misfit("1.0.0", normal, "1.1.0", normal, Cosine, "{}"));
        Assert.Null(Misfit("1.0.0", normal, "1.1.0", normal, Cosine, Cosine));
    }

    [Fact]
    public async Task A_version_that_breaks_its_promise_is_refused_and_one_that_keeps_it_tells_what_was_measured()
    {
        static TestModelResponse Passed(int tokens, bool normalized) => new()
        {
            Passed = true,
            Kind = "embedding",
            Dims = 4,
            MaxTokens = tokens,
            Normalized = normalized,
        };
        var ai = new FakeAiClient().On(AiCalls.TestModel, _ => Passed(512, true));
        await using var host = await CoreHost.StartAsync(new CoreHostOptions { Ai = ai });
        var id = await host.RegisterAsync();
        async Task<int> Add(string version, int tokens, bool normalized)
        {
            host.Ai.On(AiCalls.TestModel, _ => Passed(tokens, normalized));
            return (await host.Api.PutAsync($"{Root}/{id}", $$"""{"version":"{{version}}"}""")).Code;
        }

        Assert.Equal(20010, await Add("1.0.1", 1024, true));
        Assert.Equal(20010, await Add("1.1.0", 1024, false));
        Assert.Equal(0, await Add("1.1.0", 1024, true));
        Assert.Equal(0, await Add("2.0.0", 128, false));
        var versions = await host.Api.GetAsync($"{Root}/{id}/versions?sort=created_at");
        Assert.Equal("512 True, 1024 True, 128 False", string.Join(", ", versions["versions"].EnumerateArray()
            .Select(row => $"{row.GetProperty("max_tokens")} {row.GetProperty("normalized").GetBoolean()}")));

        // A service that answers otherwise than when its version was registered is noticed by a test.
        host.Ai.On(AiCalls.TestModel, _ => Passed(128, true));
        Assert.Equal(20010, (await host.Api.PostAsync($"{Root}/{id}/test")).Code);
    }

    private static ModelTest Seen(string kind, int? tokens) =>
        new() { Passed = true, LatencyMs = 1, Kind = kind, Dims = 4, MaxTokens = tokens };

    private static string? Misfit(
        string other, ModelTest before, string version, ModelTest now, string otherConfig = "{}",
        string config = "{}") =>
        ModelPromises.Misfit(
            new ModelVersion { Version = version, Major = 1, Config = config }, now,
            new ModelVersion
            {
                Version = other,
                Major = 1,
                Kind = before.Kind,
                Dims = before.Dims,
                Facts = ModelFacts.TextOf(before),
                Config = otherConfig,
            });
}
