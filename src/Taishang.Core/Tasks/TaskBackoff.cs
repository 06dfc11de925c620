namespace Taishang.Core.Tasks;

/// <summary>
/// Pauses before another attempt: exponential with full jitter, that is uniform between nothing and a bound that
/// doubles, so that tasks that failed together do not come back together.
/// </summary>
internal sealed class TaskBackoff(Random random)
{
    private readonly Lock _gate = new();

    /// <param name="attempt">The attempt that failed, from 1.</param>
    public long DelayMs(TaskTypeOptions options, int attempt)
    {
        // Beyond 30 doublings the bound is the maximum anyway, and the shift would overflow.
        var bound = Math.Min(options.BackoffMaxMs, (long)options.BackoffBaseMs << Math.Clamp(attempt - 1, 0, 30));
        lock (_gate) return random.NextInt64(bound + 1);
    }
}
