using System.Runtime.ExceptionServices;

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
    internal void Run(int count, Action<int> piece)
    {
        var work = new Work(count, piece);
        for (var i = 1; i < count && TryEnter(); i++)
        {
            ThreadPool.UnsafeQueueUserWorkItem(
                static state =>
                {
                    state.Work.TakePart();
                    Interlocked.Decrement(ref state.Threads._helping);
                },
                (Threads: this, Work: work),
                preferLocal: false);
        }

        work.TakePart();
        work.WaitAndThrow();
    }

    private bool TryEnter()
    {
        if (Interlocked.Increment(ref _helping) <= helpersMax)
            return true;

        Interlocked.Decrement(ref _helping);
        return false;
    }

    private sealed class Work(int count, Action<int> piece)
    {
        private readonly int _count = count;

        // Pulsed when the last piece is done. An event would have to be disposed of while a helper may still be in it.
        private readonly object _done = new();
        private ExceptionDispatchInfo? _failure;
        private int _next = -1;
        private int _left = count;

        /// <summary>Takes pieces until none is left; a helper that comes late finds none.</summary>
        public void TakePart()
        {
            int number;
            while ((number = Interlocked.Increment(ref _next)) < _count)
            {
                try
                {
                    piece(number);
                }
                catch (Exception exception)
                {
                    Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(exception), null);
                }

                if (Interlocked.Decrement(ref _left) > 0)
                    continue;

                lock (_done)
                    Monitor.PulseAll(_done);
            }
        }

        public void WaitAndThrow()
        {
            // Pieces take microseconds: most often the last one ends while its caller still spins.
            var spin = default(SpinWait);
            while (Volatile.Read(ref _left) > 0 && !spin.NextSpinWillYield)
                spin.SpinOnce();

            lock (_done)
            {
                while (Volatile.Read(ref _left) > 0)
                    Monitor.Wait(_done);
            }

            _failure?.Throw();
        }
    }
}
