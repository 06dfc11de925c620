namespace Taishang.VectorEngine.Memory;

/// <summary>
/// Gives work to the pool for threads that give way. Whoever queues work may have to make the thread that runs it, and
/// a thread inherits how its maker runs: the pool would get one that gives way to everybody, and requests with it.
/// </summary>
internal sealed class PoolRelay
{
    private readonly Queue<Action> _waiting = new();
    private readonly Lazy<Thread> _thread;

    public PoolRelay() => _thread = new Lazy<Thread>(() =>
    {
        var thread = new Thread(Run) { IsBackground = true, Name = "taishang relay" };
        thread.Start();
        return thread;
    });

    /// <summary>To be called by a thread that does not give way, before any that does posts.</summary>
    public void EnsureStarted() => _ = _thread.Value;

    /// <summary>The work runs on a thread of the pool; it catches what it throws.</summary>
    public void Post(Action work)
    {
        lock (_waiting)
        {
            _waiting.Enqueue(work);
            Monitor.Pulse(_waiting);
        }
    }

    private void Run()
    {
        while (true)
        {
            Action work;
            lock (_waiting)
            {
                while (_waiting.Count == 0)
                    Monitor.Wait(_waiting);
                work = _waiting.Dequeue();
            }

            ThreadPool.UnsafeQueueUserWorkItem(static work => work(), work, preferLocal: false);
        }
    }
}
