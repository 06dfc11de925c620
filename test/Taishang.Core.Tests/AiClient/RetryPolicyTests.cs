using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Taishang.Core.AiClient;

namespace Taishang.Core.Tests.AiClient;

public sealed class RetryPolicyTests
{
    private static readonly DateTimeOffset Start = new(2026, 11, 22, 8, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Pauses_are_anywhere_below_a_bound_that_doubles_up_to_its_maximum()
    {
        var policy =
            Policy(new() { AttemptsMax = 10, BackoffBaseMs = 100, BackoffMaxMs = 1_000, RetryBudgetReserve = 10_000 });
        double[] bounds = [100, 200, 400, 800, 1_000, 1_000];
        for (var attempt = 1; attempt <= bounds.Length; attempt++)
        {
            var pauses = Enumerable.Range(0, 500)
                .Select(_ => policy.PauseAfter(attempt, Start.AddHours(1), null)!.Value.TotalMilliseconds).ToArray();
            Assert.All(pauses, pause => Assert.InRange(pause, 0, bounds[attempt - 1]));
            Assert.InRange(pauses.Average(), bounds[attempt - 1] * 0.4, bounds[attempt - 1] * 0.6);
        }
    }

    [Fact]
    public void No_pause_is_begun_that_would_end_after_the_deadline()
    {
        var policy = Policy(new());
        Assert.Null(policy.PauseAfter(1, Start, null));
        Assert.Null(policy.PauseAfter(1, Start.AddSeconds(1), TimeSpan.FromSeconds(1)));
        Assert.Equal(TimeSpan.FromSeconds(1), policy.PauseAfter(1, Start.AddSeconds(2), TimeSpan.FromSeconds(1)));
        Assert.Null(policy.PauseAfter(4, Start.AddHours(1), null));
    }

    [Fact]
    public void Retries_are_a_share_of_the_calls_once_the_reserve_is_used_up()
    {
        var budget = new RetryBudget(percent: 20, reserve: 3);
        Assert.Equal(3, Enumerable.Range(0, 10).Count(_ => budget.TryTake()));
        var taken = 0;
        for (var i = 0; i < 100; i++)
        {
            budget.CallMade();
            if (budget.TryTake()) taken++;
        }

        Assert.Equal(20, taken);
        for (var i = 0; i < 1_000; i++) budget.CallMade();
        Assert.Equal(3, Enumerable.Range(0, 10).Count(_ => budget.TryTake()));
    }

    private static RetryPolicy Policy(AiClientOptions options) =>
        new(Options.Create(options), new FakeTimeProvider(Start), new Random(7));
}
