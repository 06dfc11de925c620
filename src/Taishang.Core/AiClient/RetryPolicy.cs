using Microsoft.Extensions.Options;

namespace Taishang.Core.AiClient;

/// <summary>
/// When a call is tried again, and after which pause: exponential with full jitter (a uniformly random part of the
/// bound), so that callers that failed together do not come back together.
/// </summary>
internal sealed class RetryPolicy(IOptions<AiClientOptions> options, TimeProvider time, Random random)
{
    private readonly Lock _gate = new();
    private readonly RetryBudget _budget = new(options.Value.RetryBudgetPercent, options.Value.RetryBudgetReserve);

    public int AttemptsMax => options.Value.AttemptsMax;

    public void CallMade() => _budget.CallMade();

    /// <summary>The pause before the next attempt; null when there is to be none.</summary>
    /// <param name="attempt">Attempts made so far, from 1.</param>
    /// <param name="deadline">End of the whole call; a pause that would not end before it is not begun.</param>
    /// <param name="least">Pause that the worker asked for.</param>
    public TimeSpan? PauseAfter(int attempt, DateTimeOffset deadline, TimeSpan? least)
    {
        if (attempt >= AttemptsMax) return null;
        var bound = Math.Min(options.Value.BackoffMaxMs, options.Value.BackoffBaseMs * (1L << (attempt - 1)));
        double drawn;
        lock (_gate) drawn = random.NextDouble();
        var pause = TimeSpan.FromMilliseconds(drawn * bound);
        if (least > pause) pause = least.Value;
        if (time.GetUtcNow() + pause >= deadline) return null;
        return _budget.TryTake() ? pause : null;
    }
}
