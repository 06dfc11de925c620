using System.Net;
using System.Text.Json;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Taishang.Core.Api.Limits;
using Taishang.Testing.Hosts;
using Taishang.Testing.Processes;

namespace Taishang.Core.Tests.Api.Limits;

public sealed class RateLimitTests
{
    private const string Limited = "/api/taishang/alerts/none";

    private readonly FakeTimeProvider _time = new();

    private Task<CoreHost> StartAsync(params (string Name, string Value)[] settings) =>
        CoreHost.StartAsync(new CoreHostOptions
        {
            Time = _time,
            Settings = settings.ToDictionary(setting => "Api:" + setting.Name, setting => setting.Value),
        });

    private Task<CoreHost> StartTightAsync(params (string Name, string Value)[] more) => StartAsync(
        [("RateLimits:alerts:TokensPerSecond", "0.25"), ("RateLimits:alerts:Burst", "2"), .. more]);

    private static async Task<HttpResponseMessage> GetAsync(
        CoreHost host, string path = Limited, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        return await host.Http.SendAsync(request);
    }

    private static async Task<bool> IsRefusedAsync(
        CoreHost host, string path = Limited, params (string Name, string Value)[] headers)
    {
        using var answer = await GetAsync(host, path, headers);
        return answer.StatusCode == HttpStatusCode.TooManyRequests;
    }

    private static string? Header(HttpResponseMessage answer, string name) =>
        answer.Headers.TryGetValues(name, out var values) ? values.Single() : null;

    private static (string, string) Token(string token) => ("Authorization", $"Bearer {token}");

    [Fact]
    public async Task A_caller_beyond_its_bucket_gets_429_and_is_admitted_when_it_waits_as_long_as_it_is_told()
    {
        await using var host = await StartTightAsync();
        for (var i = 0; i < 2; i++) Assert.False(await IsRefusedAsync(host));
        for (var i = 0; i < 3; i++)
        {
            var refused = await host.Api.GetAsync(Limited);
            Assert.Equal(HttpStatusCode.TooManyRequests, refused.Status);
            Assert.Equal(10015, refused.Code);
            Assert.Equal("4", refused.Headers.GetValues("Retry-After").Single());
            _time.Advance(TimeSpan.FromMilliseconds(3_999));
            Assert.True(await IsRefusedAsync(host));
            _time.Advance(TimeSpan.FromMilliseconds(1));
            Assert.False(await IsRefusedAsync(host));
        }

        Assert.False(await IsRefusedAsync(host, "/api/taishang/tasks/none"));
        Assert.False(await IsRefusedAsync(host, "/nothing"));
    }

    [Fact]
    public async Task Every_limited_answer_says_the_policy_and_what_is_left_of_it_refused_or_not()
    {
        await using var host = await StartTightAsync();
        var left = new List<string?>();
        for (var i = 0; i < 3; i++)
        {
            using var answer = await GetAsync(host);
            Assert.Equal("\"alerts\";q=2;w=8", Header(answer, "RateLimit-Policy"));
            Assert.Null(Header(answer, "x-ratelimit-limit-requests"));
            left.Add(Header(answer, "RateLimit"));
            _time.Advance(TimeSpan.FromSeconds(0.5));
        }

        Assert.Equal(["\"alerts\";r=1;t=4", "\"alerts\";r=0;t=4", "\"alerts\";r=0;t=3"], left);
        using var list = await GetAsync(host, "/api/taishang/models");
        Assert.Equal(HttpStatusCode.OK, list.StatusCode);
        Assert.Equal("\"models\";r=39999;t=1", Header(list, "RateLimit"));
        using var free = await GetAsync(host, "/healthz");
        Assert.Null(Header(free, "RateLimit"));
    }

    [Fact]
    public async Task The_front_for_clients_of_OpenAI_has_a_group_with_their_headers_and_their_form_of_refusal()
    {
        await using var host = await StartAsync(
            ("RateLimits:v1:TokensPerSecond", "0.5"), ("RateLimits:v1:Burst", "2"));
        using var first = await GetAsync(host, "/v1/models");
        Assert.Equal(HttpStatusCode.OK, first.StatusCode);
        Assert.Equal(
            ("2", "1", "2s", "\"v1\";q=2;w=4", "\"v1\";r=1;t=2"),
            (Header(first, "x-ratelimit-limit-requests"), Header(first, "x-ratelimit-remaining-requests"),
                Header(first, "x-ratelimit-reset-requests"), Header(first, "RateLimit-Policy"),
                Header(first, "RateLimit")));
        Assert.False(await IsRefusedAsync(host, "/v1/models/none"));
        using var refused = await GetAsync(host, "/v1/models");
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.Equal(
            ("0", "4s", "2"),
            (Header(refused, "x-ratelimit-remaining-requests"), Header(refused, "x-ratelimit-reset-requests"),
                Header(refused, "Retry-After")));
        using var body = JsonDocument.Parse(await refused.Content.ReadAsStringAsync());
        var error = body.RootElement.GetProperty("error");
        Assert.Equal("rate_limit_exceeded", error.GetProperty("code").GetString());
        Assert.Equal("rate_limit_error", error.GetProperty("type").GetString());
    }

    [Fact]
    public async Task Keys_and_tenants_of_one_address_have_buckets_of_their_own()
    {
        await using var host = await StartTightAsync();
        for (var i = 0; i < 2; i++) Assert.False(await IsRefusedAsync(host));
        Assert.True(await IsRefusedAsync(host));
        foreach (var caller in ((string, string)[][])
            [[Token("a")], [Token("b")], [Token("a"), ("X-Taishang-Tenant", "one")], [("X-Taishang-Tenant", "one")]])
        {
            for (var i = 0; i < 2; i++) Assert.False(await IsRefusedAsync(host, Limited, caller));
            Assert.True(await IsRefusedAsync(host, Limited, caller));
        }

        // What is no tenant makes no bucket either.
        Assert.True(await IsRefusedAsync(host, Limited, ("X-Taishang-Tenant", new string('x', 101))));
    }

    [Fact]
    public async Task Made_up_tokens_end_in_the_bucket_of_their_address()
    {
        await using var host = await StartTightAsync(
            ("NewCallers:TokensPerSecond", "0.001"), ("NewCallers:Burst", "3"));
        for (var i = 0; i < 3; i++) Assert.False(await IsRefusedAsync(host, Limited, Token($"new{i}")));
        for (var i = 3; i < 5; i++) Assert.False(await IsRefusedAsync(host, Limited, Token($"new{i}")));
        for (var i = 5; i < 9; i++) Assert.True(await IsRefusedAsync(host, Limited, Token($"new{i}")));
        Assert.True(await IsRefusedAsync(host));
        // Those that were there before keep theirs.
        Assert.False(await IsRefusedAsync(host, Limited, Token("new0")));
    }

    [Fact]
    public async Task A_caller_that_is_named_has_its_own_limit_and_one_of_zero_has_none()
    {
        await using var host = await StartTightAsync(
            ("CallerRateLimits:0:Key", KeyIdOf("batch")), ("CallerRateLimits:0:TokensPerSecond", "1"),
            ("CallerRateLimits:0:Burst", "5"), ("CallerRateLimits:0:Group", "alerts"),
            ("CallerRateLimits:1:Tenant", "own"), ("CallerRateLimits:1:TokensPerSecond", "0"));
        for (var i = 0; i < 5; i++) Assert.False(await IsRefusedAsync(host, Limited, Token("batch")));
        using var refused = await GetAsync(host, Limited, Token("batch"));
        Assert.Equal("\"alerts\";q=5;w=5", Header(refused, "RateLimit-Policy"));
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        for (var i = 0; i < 20; i++)
        {
            using var free = await GetAsync(host, Limited, ("X-Taishang-Tenant", "own"));
            Assert.Equal(HttpStatusCode.NotFound, free.StatusCode);
            Assert.Null(Header(free, "RateLimit"));
        }
    }

    [Fact]
    public async Task Callers_behind_a_trusted_proxy_are_told_apart_and_nobody_else_may_name_an_address()
    {
        await using var host = await StartTightAsync(("TrustedProxies:0", "127.0.0.0/8"));
        for (var i = 0; i < 2; i++) Assert.False(await IsRefusedAsync(host, Limited, From("203.0.113.1")));
        Assert.True(await IsRefusedAsync(host, Limited, From("203.0.113.1")));
        // What the caller itself put in front is not believed.
        Assert.True(await IsRefusedAsync(host, Limited, From("198.51.100.9, 203.0.113.1, 127.0.0.2")));
        Assert.False(await IsRefusedAsync(host, Limited, From("203.0.113.2")));

        await using var open = await StartTightAsync();
        for (var i = 0; i < 2; i++) Assert.False(await IsRefusedAsync(open, Limited, From($"203.0.113.{i}")));
        Assert.True(await IsRefusedAsync(open, Limited, From("203.0.113.7")));
    }

    [Theory]
    [InlineData("RateLimits:vektors:Burst", "1", "vektors")]
    [InlineData("RateLimit:TokensPerSecond", "-1", "RateLimit")]
    [InlineData("RateLimit:TokensPerSecond", "0.001", "30 days")]
    [InlineData("CallerRateLimits:0:Burst", "1", "CallerRateLimits:0")]
    [InlineData("TrustedProxies:0", "proxy", "TrustedProxies")]
    public async Task Limits_that_would_limit_nothing_or_never_end_are_refused_at_the_start(
        string name, string value, string says) =>
        Assert.Contains(says, (await Assert.ThrowsAsync<OptionsValidationException>(
            () => StartAsync((name, value)))).Message);

    [Fact]
    public void Every_group_of_routes_in_the_contract_has_a_limit_of_its_own()
    {
        var groups = File.ReadLines(Path.Combine(Repository.Root, "openapi", "taishang.yaml"))
            .Where(line => line.StartsWith("  /api/taishang/", StringComparison.Ordinal))
            .Select(line => line.Trim(' ', ':').Split('/')[3]).Distinct().ToList();
        Assert.NotEmpty(groups);
        Assert.Empty(groups.Except(RouteGroups.Names));
    }

    [Fact]
    public async Task The_defaults_do_not_stand_in_the_way_of_honest_load()
    {
        await using var host = await CoreHost.StartAsync();
        for (var i = 0; i < 500; i++)
            Assert.Equal(HttpStatusCode.NotFound, (await host.Api.GetAsync(Limited)).Status);
    }

    private static (string, string) From(string addresses) => ("X-Forwarded-For", addresses);

    private static string KeyIdOf(string token) => Convert.ToHexStringLower(
        System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(token)).AsSpan(0, 8));
}
