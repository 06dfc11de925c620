using System.Runtime.ExceptionServices;

namespace Taishang.VectorEngine;

/// <summary>
/// A number of pieces that a caller does, helped by threads that are free. One run at a time; it may run again, without
/// allocating. A helper that comes late finds nothing left, or helps with the next run.
/// </summary>
/// <param name="threads">Where helpers come from.</param>
/// <param name="count">Pieces, done in any order.</param>
/// <param name="piece">Does one of them.</param>
internal sealed class SharedWork(SearchThreads threads, int count, Action<int> piece) : IThreadPoolWorkItem
{
    // Pulsed when the last piece is done. An event would have to be disposed of while a helper may still be in it.
    private readonly object _done = new();
    private readonly int _count = count;
    private ExceptionDispatchInfo? _failure;
    private int _next = count;
    private int _left;

    /// <summary>Returns when all pieces are done.</summary>
    /// <exception cref="Exception">The first failure of a piece; the others are done all the same.</exception>
    public void Run()
    {
        _failure = null;
        _left = _count;

        // Last, because it lets helpers of the run before in.
        Volatile.Write(ref _next, -1);
        for (var i = 1; i < _count && threads.TryEnter(); i++)
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);

        TakePart();
        WaitAndThrow();
    }

    void IThreadPoolWorkItem.Execute()
    {
        TakePart();
        threads.Leave();
    }

    private void TakePart()
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

    private void WaitAndThrow()
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
