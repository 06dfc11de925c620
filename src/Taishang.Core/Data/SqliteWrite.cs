namespace Taishang.Core.Data;

/// <summary>A write that waits its turn, and the caller who waits for it.</summary>
internal abstract class SqliteWrite(CancellationToken cancellation)
{
    public CancellationToken Cancellation { get; } = cancellation;

    /// <summary>Set once the delegate has run; its hooks run after the commit.</summary>
    public DatabaseSession? Session { get; set; }

    public abstract Task RunAsync(DatabaseSession session);

    /// <summary>The commit is on disk.</summary>
    public abstract void Succeed();

    public abstract void Fail(Exception e);
}

/// <inheritdoc cref="SqliteWrite"/>
internal sealed class SqliteWrite<T>(Func<DatabaseSession, Task<T>> write, CancellationToken cancellation)
    : SqliteWrite(cancellation)
{
    /// <summary>
    /// The caller's trace and the like: the delegate runs on the writer's thread, but as the caller's doing.
    /// </summary>
    private readonly ExecutionContext? _context = ExecutionContext.Capture();

    private readonly TaskCompletionSource<T> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private T? _result;

    public Task<T> Done => _done.Task;

    public override async Task RunAsync(DatabaseSession session)
    {
        Session = session;
        Task<T>? running = null;
        if (_context is null) running = write(session);
        else ExecutionContext.Run(_context, _ => running = write(session), null);
        // Run has called the delegate by now, or thrown.
        _result = await running!;
    }

    public override void Succeed()
    {
        try
        {
            Session?.Committed();
        }
        finally
        {
            // The delegate has run to its end: the result is what it returned.
            _done.TrySetResult(_result!);
        }
    }

    public override void Fail(Exception e)
    {
        if (e is OperationCanceledException && Cancellation.IsCancellationRequested) _done.TrySetCanceled(Cancellation);
        else _done.TrySetException(e);
    }
}
