using Taishang.VectorEngine.Segments;

namespace Taishang.VectorEngine;

/// <summary>Makes a call over several shards visible in all of them at once: nobody takes snapshots while one is being
/// applied.</summary>
internal sealed class ShardView(VectorCollection[] shards) : IDisposable
{
    private readonly ReaderWriterLockSlim _lock = new();

    /// <summary>A snapshot of each shard, with leases.</summary>
    public Snapshot[] Acquire()
    {
        var taken = new Snapshot[shards.Length];
        Acquire(taken);
        return taken;
    }

    /// <summary>The same into places of the caller's, which are empty when it fails.</summary>
    public void Acquire(Snapshot?[] taken)
    {
        var count = 0;
        _lock.EnterReadLock();
        try
        {
            for (; count < shards.Length; count++)
                taken[count] = shards[count].Acquire();
        }
        catch
        {
            for (var i = 0; i < count; i++)
                taken[i]?.Generation.Release();
            Array.Clear(taken);
            throw;
        }
        finally
        {
            _lock.ExitReadLock();
        }
    }

    public T Read<T>(Func<T> read)
    {
        _lock.EnterReadLock();
        try
        {
            return read();
        }
        finally
        {
            _lock.ExitReadLock();
        }
    }

    public void Change(Action change)
    {
        _lock.EnterWriteLock();
        try
        {
            change();
        }
        finally
        {
            _lock.ExitWriteLock();
        }
    }

    public static void Release(ReadOnlySpan<Snapshot> snapshots)
    {
        foreach (var snapshot in snapshots)
            snapshot.Generation.Release();
    }

    public void Dispose() => _lock.Dispose();
}
