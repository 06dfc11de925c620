namespace Taishang.Hosting.Health;

/// <summary>
/// One thing that must be there before this process should get work: the database, a worker, the opened collections.
/// Registered as <c>services.AddSingleton&lt;IReadinessCheck, MyCheck&gt;()</c>; <c>/readyz</c> asks all of them at
/// once, each for at most <see cref="ReadinessReport.CheckTimeout"/>, so an answer is cheap or cached.
/// </summary>
public interface IReadinessCheck
{
    /// <summary>Short, stable, snake_case: database, ai, collections.</summary>
    string Name { get; }

    /// <summary>An exception counts as not ready, with its message as the reason.</summary>
    ValueTask<Readiness> CheckAsync(CancellationToken cancellation);
}

/// <summary>The answer of one check.</summary>
/// <param name="IsReady">True when work can be taken.</param>
/// <param name="Reason">What is missing, or progress such as "opening collections 3/10"; null when all is well.</param>
public readonly record struct Readiness(bool IsReady, string? Reason = null)
{
    public static Readiness Ready { get; } = new(true);

    public static Readiness Waiting(string reason) => new(false, reason);
}
