namespace Taishang.VectorEngine;

/// <summary>
/// Threads that help callers to search the shards of a collection, bounded for all collections that share them. A
/// caller always works himself: where no helper is free he does all of it, so a search never waits for a thread.
/// </summary>
/// <param name="helpersMax">Helpers at work at once; 0 leaves every search to its caller.</param>
public sealed class SearchThreads(int helpersMax)
{
    private int _helping;

    /// <summary>Shared by the process: one helper for each processor but the caller's.</summary>
    public static SearchThreads OfProcess { get; } = new(Environment.ProcessorCount - 1);

    /// <summary>Does pieces 0 to <paramref name="count"/> − 1, in any order, and returns when all are done.</summary>
    /// <exception cref="Exception">The first failure of a piece; the others are done all the same.</exception>
    internal void Run(int count, Action<int> piece) => new SharedWork(this, count, piece).Run();

    /// <summary>Takes a helper's place, if one is free.</summary>
    internal bool TryEnter()
    {
        if (Interlocked.Increment(ref _helping) <= helpersMax)
            return true;

        Leave();
        return false;
    }

    internal void Leave() => Interlocked.Decrement(ref _helping);
}
