using System.Collections.Concurrent;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Taishang.Core.Api;
using Taishang.Core.Gateway;

namespace Taishang.Core.Tests.Gateway;

public sealed class AdmissionTests
{
    private readonly Book _book = new();

    [Fact]
    public async Task A_call_is_reserved_once_however_many_targets_it_tries_and_settled_with_what_it_took()
    {
        await using var world = await StartAsync();
        await world.RegisterOneAsync("a", """{"price":{"currency":"USD","input_per_1k":1000}}""");
        await world.RegisterOneAsync("b", """{"price":{"currency":"USD","input_per_1k":2000}}""");
        await world.RouteAsync("main", """{"model":"a"}""", ""","fallbacks":[{"model":"b"}]""");
        world.Faults["a"] = () => new ApiException(ErrorCodes.ModelUpstreamFailed);
        await world.EmbedAsync("main", "12345", ("Authorization", "Bearer key"), ("X-Taishang-Tenant", "acme"));
        var (scope, estimate) = Assert.Single(_book.Reserved);
        Assert.Equal(("acme", "2c70e12b7a0646f9", "builtin/a", "1.0.0", "main"),
            (scope.Tenant, scope.KeyId, scope.ModelReference, scope.Version, scope.Route));
        Assert.Equal((9, 18m), (estimate.InputTokens, estimate.CostIn("USD")));
        Assert.Equal(
            new CallUsage(5, 0, 10m, "builtin/b", "1.0.0", false, "USD"), Assert.Single(_book.Settled));
        Assert.Equal(["builtin/a", "builtin/b"], _book.Entered);
        await world.EmbedAsync("main", "12345", ("X-Taishang-Tenant", "acme"));
        Assert.Equal(new CallUsage(0, 0, 0m, "builtin/b", "1.0.0", true, "USD"), _book.Settled.Last());
        Assert.Equal((2, 0), (_book.Settled.Count, _book.Released));
    }

    [Fact]
    public async Task A_call_that_fails_gives_all_back_and_one_that_is_refused_reaches_nobody()
    {
        await using var world = await StartAsync();
        await world.RegisterAsync("a");
        world.Faults["a"] = () => new ApiException(ErrorCodes.ModelUpstreamFailed);
        await world.PostAsync("/api/taishang/vectors/embed", """{"model":"a","text":"x"}""");
        Assert.Equal((1, 0, 1), (_book.Reserved.Count, _book.Settled.Count, _book.Released));
        _book.Refuses = true;
        var answer = await world.PostAsync("/api/taishang/vectors/embed", """{"model":"a","text":"x"}""");
        Assert.Equal((HttpStatusCode.TooManyRequests, 10015), (answer.Status, answer.Code));
        Assert.Single(world.Called);
    }

    [Theory]
    [InlineData("", "", 8_192, 8.192)]
    [InlineData("\"context_tokens\":50000", "", 50_000, 50)]
    [InlineData("\"context_tokens\":2000", "", 2_000, 2)]
    [InlineData("\"context_tokens\":2000", "\"n\":3,", 6_000, 6)]
    [InlineData("\"context_tokens\":2000", "\"n\":3,\"max_tokens\":100,", 300, 0.3)]
    public async Task An_answer_that_its_caller_does_not_bound_is_bounded_by_the_context_where_it_is_known(
        string context, string bound, long tokens, double cost)
    {
        await using var world = await StartAsync();
        var config = "\"price\":{\"currency\":\"USD\",\"output_per_1k\":1}" + (context.Length > 0 ? "," + context : "");
        await world.RegisterOneAsync("talk", "{" + config + "}");
        await world.RegisterOneAsync(
            "talk2", """{"context_tokens":500,"price":{"currency":"CNY","output_per_1k":1}}""");
        await world.RouteAsync("main", """{"model":"talk2"}""", ""","fallbacks":[{"model":"talk"}]""");
        foreach (var model in (string[])["builtin/talk", "main"])
        {
            await world.PostAsync(
                "/v1/chat/completions",
                $$"""{"model":"{{model}}",{{bound}}"messages":[{"role":"user","content":"hi"}]}""");
        }

        Assert.Equal([tokens, tokens], _book.Reserved.Select(one => one.Estimate.OutputTokensMax));
        Assert.All(_book.Reserved, one => Assert.Equal((decimal)cost, one.Estimate.CostIn("USD")));
        // The other target would have written and cost less.
        var least = bound.Contains("max_tokens") ? 0.3m : bound.Length > 0 ? 1.5m : 0.5m;
        Assert.Equal(least, _book.Reserved.Last().Estimate.CostIn("CNY"));
    }

    [Fact]
    public async Task A_stream_that_breaks_is_settled_with_what_was_passed_on()
    {
        await using var world = await StartAsync();
        await world.RegisterAsync("talk");
        world.Break = _ => new ApiException(ErrorCodes.ModelUpstreamFailed);
        await world.PostAsync(
            "/v1/chat/completions",
            """{"model":"builtin/talk","stream":true,"max_tokens":50,"messages":[{"role":"user","content":"hi"}]}""");
        Assert.Equal(50, Assert.Single(_book.Reserved).Estimate.OutputTokensMax);
        Assert.Equal(2, Assert.Single(_book.Settled).OutputTokens);
    }

    private Task<GatewayWorld> StartAsync() => GatewayWorld.StartAsync(
        services: services => services.Replace(ServiceDescriptor.Singleton<ICallAdmission>(_book)));

    private sealed class Book : ICallAdmission
    {
        private int _released;

        public ConcurrentQueue<(CallScope Scope, CallEstimate Estimate)> Reserved { get; } = new();

        public ConcurrentQueue<CallUsage> Settled { get; } = new();

        public ConcurrentQueue<string> Entered { get; } = new();

        public int Released => _released;

        public bool Refuses { get; set; }

        public ValueTask<IReservation> ReserveAsync(
            CallScope scope, CallEstimate estimate, CancellationToken cancellation)
        {
            if (Refuses) throw new ApiException(ErrorCodes.TooManyRequests);
            Reserved.Enqueue((scope, estimate));
            return new ValueTask<IReservation>(new Reservation(this));
        }

        private sealed class Reservation(Book book) : IReservation
        {
            private bool _settled;

            public ValueTask EnterAsync(
                CallScope tried, CallEstimate estimate, CancellationToken cancellation)
            {
                book.Entered.Enqueue(tried.ModelReference);
                return ValueTask.CompletedTask;
            }

            public ValueTask SettleAsync(CallUsage usage, CancellationToken cancellation)
            {
                _settled = true;
                book.Settled.Enqueue(usage);
                return ValueTask.CompletedTask;
            }

            public ValueTask DisposeAsync()
            {
                if (!_settled) Interlocked.Increment(ref book._released);
                return ValueTask.CompletedTask;
            }
        }
    }
}
