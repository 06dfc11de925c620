namespace Hangfire.Bench;

/// <summary>A job that does nothing but count.</summary>
public static class NoopJob
{
    private static TaskCompletionSource _done = new();
    private static int _left;

    public static Task Done => _done.Task;

    public static void Reset(int count)
    {
        _done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _left = count;
    }

    public static void Run()
    {
        if (Interlocked.Decrement(ref _left) == 0) _done.TrySetResult();
    }
}
