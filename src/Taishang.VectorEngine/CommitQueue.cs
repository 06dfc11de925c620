using Taishang.VectorEngine.Filtering;
using Taishang.VectorEngine.Log;
using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine;

/// <summary>
/// Puts writes in one order and shares syncs among them: whoever comes while a sync runs is written together with the
/// others who came, and one sync acknowledges them all. A group is applied to memory only after it is durable, and a
/// group that fails is not applied at all.
/// </summary>
internal sealed class CommitQueue(CollectionState state, WriteAheadLog log, SpareFile spare) : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly Queue<PendingWrite> _pending = new();
    private readonly SemaphoreSlim _room = new(Limits.QueuedWritesMax);
    private bool _isRunning;
    private bool _isClosed;
    private Task _loop = Task.CompletedTask;
    private Exception? _fault;

    /// <summary>Called after each group, on the writer's thread; must not block.</summary>
    public Action? Committed { get; set; }

    public WriteAheadLog Log => log;

    /// <summary>Writes a record of rows; owns and disposes the buffer.</summary>
    public Task<int> UpsertAsync(LogBuffer buffer, CancellationToken cancellation) =>
        EnqueueAsync(new PendingWrite { Buffer = buffer }, cancellation);

    /// <summary>Writes a record of ids that go; owns and disposes the buffer.</summary>
    public Task<int> DeleteAsync(LogBuffer buffer, CancellationToken cancellation) =>
        EnqueueAsync(new PendingWrite { Buffer = buffer, IsDelete = true }, cancellation);

    /// <summary>Deletes the rows that match when the writes before this one are applied.</summary>
    public Task<int> DeleteAsync(MetadataFilter filter, CancellationToken cancellation) =>
        EnqueueAsync(new PendingWrite { Filter = filter, IsDelete = true }, cancellation);

    /// <summary>Runs something alone between two groups, on the writer's thread.</summary>
    public Task RunAloneAsync(Action action, CancellationToken cancellation) =>
        EnqueueAsync(new PendingWrite { Action = action }, cancellation);

    /// <summary>Waits for the writes before, and keeps all that come later waiting until the hold is given back.
    /// </summary>
    public async Task<QueueHold> HoldAsync(CancellationToken cancellation)
    {
        var hold = new QueueHold();
        hold.Ended = EnqueueAsync(new PendingWrite { Hold = hold }, cancellation);
        if (await Task.WhenAny(hold.Entered.Task, hold.Ended) == hold.Ended)
            await hold.Ended;
        return hold;
    }

    /// <summary>Takes nothing more until the collection is opened anew: memory and files no longer agree. On the
    /// writer's thread.</summary>
    public void Break(Exception fault) => _fault = fault;

    public void ThrowIfBroken()
    {
        if (_fault is not null)
            throw new WriteFailedException("the collection failed earlier and must be opened anew", _fault);
    }

    /// <summary>Lets waiting writes finish and takes no more.</summary>
    public async ValueTask DisposeAsync()
    {
        Task loop;
        lock (_lock)
        {
            _isClosed = true;
            loop = _loop;
        }

        await loop;
        log.Dispose();
    }

    private async Task<int> EnqueueAsync(PendingWrite write, CancellationToken cancellation)
    {
        try
        {
            await _room.WaitAsync(cancellation);
        }
        catch
        {
            write.Buffer?.Dispose();
            throw;
        }

        try
        {
            lock (_lock)
            {
                ObjectDisposedException.ThrowIf(_isClosed, typeof(VectorCollection));
                _pending.Enqueue(write);
                if (!_isRunning)
                {
                    _isRunning = true;
                    _loop = Task.Run(RunLoopAsync, CancellationToken.None);
                }
            }

            // Once queued a write is carried out: giving up half-way would leave its caller not knowing.
            return await write.Done.Task;
        }
        finally
        {
            write.Buffer?.Dispose();
            _room.Release();
        }
    }

    private async Task RunLoopAsync()
    {
        var group = new List<PendingWrite>();
        while (TakeGroup(group))
        {
            try
            {
                ThrowIfBroken();
                if (group[0].Hold is { } hold)
                    await hold.RunAsync(group[0]);
                else if (group[0].Action is { } action)
                    RunAction(group[0], action);
                else
                    await CommitAsync(group);
            }
            catch (Exception exception)
            {
                await FailAsync(group, exception);
            }

            group.Clear();
            Committed?.Invoke();
        }
    }

    /// <summary>Tells all of a group that it failed, but for deletes that a full disk refused: those are tried again
    /// alone, in the room that was kept back for them.</summary>
    private async Task FailAsync(List<PendingWrite> group, Exception exception)
    {
        var deletes = group.Count(write => write.IsDelete);
        var goesOn = exception is IOException && deletes > 0 && (spare.TryGiveUp() || deletes < group.Count);
        foreach (var delete in group.Where(write => goesOn && write.IsDelete))
            await TryAgainAsync(delete);

        // Told last: a delete that was taken after all has begun a new log, which settles what the old one may hold.
        foreach (var write in group)
            write.Done.TrySetException(Translate(exception, IsInDoubt(write)));
    }

    private async Task TryAgainAsync(PendingWrite delete)
    {
        try
        {
            await CommitAsync([delete]);
        }
        catch (Exception exception)
        {
            delete.Done.TrySetException(Translate(exception, IsInDoubt(delete)));
        }
    }

    private bool IsInDoubt(PendingWrite write) => write.IsAppended && !log.IsSettled;

    private static void RunAction(PendingWrite write, Action action)
    {
        action();
        write.Done.TrySetResult(0);
    }

    /// <summary>Takes what may be synced together; a filter or an action waits for what stands before it.</summary>
    private bool TakeGroup(List<PendingWrite> group)
    {
        lock (_lock)
        {
            long bytes = 0;
            while (_pending.TryPeek(out var next))
            {
                if (group.Count > 0 && (next.Buffer is null || bytes > Limits.GroupBytesMax))
                    break;

                group.Add(_pending.Dequeue());
                if (next.Buffer is null)
                    break;

                bytes += next.Buffer.TotalBytes;
            }

            _isRunning = group.Count > 0;
            return _isRunning;
        }
    }

    private async Task CommitAsync(List<PendingWrite> group)
    {
        if (group[0] is { Filter: { } filter, Buffer: null } && !TryResolve(group[0], filter))
            return;

        if (group.Exists(write => !write.IsDelete))
            spare.Require();
        await using var laid = LaidRows.Begin(state, group);
        try
        {
            log.Ready();
            foreach (var write in group)
            {
                write.IsAppended = true;
                log.Append(write.Buffer!);
            }

            log.Sync();
        }
        catch
        {
            log.Abandon();
            throw;
        }

        try
        {
            await (laid?.WaitAsync() ?? Task.CompletedTask);
            foreach (var write in group)
                write.Affected = state.Apply(write.Buffer!.PayloadMemory, sweep: true, laid);
        }
        catch (Exception exception)
        {
            // Durable but not in memory: only a replay can make the two agree again.
            _fault = exception;
            throw;
        }

        foreach (var write in group)
            write.Done.TrySetResult(write.Affected);
    }

    /// <summary>A record of the ids that match now; null when none does. On the writer's thread, or by who holds it.
    /// </summary>
    public LogBuffer? Resolve(MetadataFilter filter)
    {
        var snapshot = state.SweepAndPeek();
        var rows = snapshot.Generation.Rows;
        var (matched, count) = snapshot.Generation.Matches.Of(filter, snapshot);
        var found = new List<int>(count);
        for (var row = matched.Next(0); row >= 0; row = matched.Next(row + 1))
            found.Add(row);

        return found.Count == 0 ? null : LogRecord.Delete(rows, found);
    }

    /// <summary>Turns a filter into the ids that match now; false when none does and the write is done.</summary>
    private bool TryResolve(PendingWrite write, MetadataFilter filter)
    {
        write.Buffer = Resolve(filter);
        if (write.Buffer is null)
            write.Done.TrySetResult(0);
        return write.Buffer is not null;
    }

    public static Exception Translate(Exception exception, bool isInDoubt = false) => exception switch
    {
        IOException or UnauthorizedAccessException when isInDoubt => new WriteFailedException(
            "the disk took neither the write for certain nor that it is void: it is not visible, but may be there as a "
            + $"whole after the next start: {exception.Message}",
            exception)
        {
            IsInDoubt = true,
        },
        IOException or UnauthorizedAccessException => new WriteFailedException(
            $"the disk did not take the write: {exception.Message}", exception),
        _ => exception,
    };
}

/// <summary>One write in the queue: a record, a filter still to be resolved into one, or an action.</summary>
internal sealed class PendingWrite
{
    public LogBuffer? Buffer { get; set; }

    public MetadataFilter? Filter { get; init; }

    public Action? Action { get; init; }

    public QueueHold? Hold { get; init; }

    /// <summary>Takes little room and is there to make some.</summary>
    public bool IsDelete { get; init; }

    /// <summary>Something of it may have reached the log.</summary>
    public bool IsAppended { get; set; }

    public int Affected { get; set; }

    public TaskCompletionSource<int> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}

/// <summary>A queue that carries out nothing until this is disposed; whoever holds it may use its log.</summary>
internal sealed class QueueHold : IAsyncDisposable
{
    private readonly TaskCompletionSource _left = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public TaskCompletionSource Entered { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when the queue goes on; fails when the hold never began.</summary>
    public Task Ended { get; set; } = Task.CompletedTask;

    public async Task RunAsync(PendingWrite write)
    {
        Entered.TrySetResult();
        await _left.Task;
        write.Done.TrySetResult(0);
    }

    public async ValueTask DisposeAsync()
    {
        _left.TrySetResult();
        await Ended;
    }
}
