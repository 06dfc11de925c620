using Taishang.VectorEngine.Filtering;
using Taishang.VectorEngine.Log;

namespace Taishang.VectorEngine;

/// <summary>One call in the queue of a sharded collection: a record for each shard that it concerns, or a filter that
/// is still to be resolved into them.</summary>
internal sealed class ShardWrite
{
    public LogBuffer?[] Records { get; set; } = [];

    public MetadataFilter? Filter { get; init; }

    public bool IsDelete { get; init; }

    public int Affected { get; set; }

    public TaskCompletionSource<int> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}

/// <summary>
/// Writes calls that concern several shards so that all of each counts or none: prepared in every shard, committed by
/// one record, then applied. Calls that come while one is written are written together after it.
/// </summary>
internal sealed class ShardWrites(VectorCollection[] shards, ShardCommits commits, ShardView view) : IDisposable
{
    private readonly SemaphoreSlim _room = new(Limits.QueuedWritesMax);
    private readonly SemaphoreSlim _turn = new(1);
    private readonly Lock _lock = new();
    private readonly Queue<ShardWrite> _pending = new();

    public async Task<int> WriteAsync(ShardWrite write, CancellationToken cancellation)
    {
        try
        {
            await _room.WaitAsync(cancellation);
        }
        catch
        {
            Release(write);
            throw;
        }

        try
        {
            lock (_lock)
                _pending.Enqueue(write);

            // Once queued a write is carried out, by its own caller or by one who came before him.
            await _turn.WaitAsync(CancellationToken.None);
            try
            {
                while (!write.Done.Task.IsCompleted)
                    await CommitAsync(TakeGroup());
            }
            finally
            {
                _turn.Release();
            }

            return await write.Done.Task;
        }
        finally
        {
            Release(write);
            _room.Release();
        }
    }

    /// <summary>Runs something while no call is being written to any shard, alone or together.</summary>
    public async Task RunHoldingAsync(Action action, CancellationToken cancellation)
    {
        var holds = new List<QueueHold>();
        await _turn.WaitAsync(cancellation);
        try
        {
            foreach (var shard in shards)
                holds.Add(await shard.HoldAsync());
            action();
        }
        finally
        {
            foreach (var hold in holds)
                await hold.DisposeAsync();
            _turn.Release();
        }
    }

    /// <summary>Runs something while no call is being written to several shards.</summary>
    public async Task RunAloneAsync(Action action, CancellationToken cancellation)
    {
        await _turn.WaitAsync(cancellation);
        try
        {
            action();
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose()
    {
        _room.Dispose();
        _turn.Dispose();
    }

    /// <summary>Calls that may share their syncs; a filter goes alone, because it is resolved when its turn has come.
    /// </summary>
    private List<ShardWrite> TakeGroup()
    {
        var group = new List<ShardWrite>();
        long bytes = 0;
        lock (_lock)
        {
            while (_pending.TryPeek(out var next))
            {
                if (group.Count > 0 && (next.Filter is not null || bytes > Limits.GroupBytesMax
                    || next.IsDelete != group[0].IsDelete))
                {
                    break;
                }

                group.Add(_pending.Dequeue());
                if (next.Filter is not null)
                    break;

                bytes += next.Records.Sum(record => record?.TotalBytes ?? 0L);
            }
        }

        return group;
    }

    private async Task CommitAsync(List<ShardWrite> group)
    {
        var holds = new List<QueueHold>();
        try
        {
            // In one order always, though only one group holds at a time: maintenance holds shards too.
            for (var shard = 0; shard < shards.Length; shard++)
            {
                if (group.Exists(write => write.Filter is not null || write.Records[shard] is not null))
                    holds.Add(await shards[shard].HoldAsync());
            }

            if (group[0].Filter is { } filter)
                group[0].Records = Array.ConvertAll(shards, shard => shard.Resolve(filter));
            await PrepareAndApplyAsync(group);
        }
        catch (Exception exception)
        {
            foreach (var write in group)
                write.Done.TrySetException(CommitQueue.Translate(exception));
        }
        finally
        {
            foreach (var hold in holds)
                await hold.DisposeAsync();
        }

        foreach (var write in group)
            write.Done.TrySetResult(write.Affected);
    }

    private async Task PrepareAndApplyAsync(List<ShardWrite> group)
    {
        if (!group.Exists(write => write.Records.Any(record => record is not null)))
            return;

        var number = commits.Begin();
        await Task.WhenAll(Enumerable.Range(0, shards.Length).Select(shard => Task.Run(() =>
        {
            var records = group.Select(write => write.Records[shard]).OfType<LogBuffer>().ToList();
            if (records.Count > 0)
                shards[shard].Prepare(number, records, group[0].IsDelete);
        })));
        commits.Commit(number);
        try
        {
            view.Change(() => Apply(group));
        }
        catch (Exception exception)
        {
            // Durable but not in memory: only a replay can make the two agree again.
            foreach (var shard in shards)
                shard.Break(exception);
            throw;
        }
    }

    private void Apply(List<ShardWrite> group)
    {
        foreach (var write in group)
        {
            for (var shard = 0; shard < shards.Length; shard++)
            {
                if (write.Records[shard] is { } record)
                    write.Affected += shards[shard].Apply(record);
            }
        }
    }

    private static void Release(ShardWrite write)
    {
        foreach (var record in write.Records)
            record?.Dispose();
    }
}
