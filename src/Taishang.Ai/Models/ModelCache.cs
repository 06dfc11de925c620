namespace Taishang.Ai.Models;

/// <summary>
/// Keeps loaded what is asked for by key: loads each key once however many ask at the same time, never unloads what
/// is in use, and makes room by unloading what was unused longest. A failed load is forgotten, so that the next call
/// tries again.
/// </summary>
internal sealed class ModelCache<TKey, TValue>(int maxLoaded) : IDisposable
    where TKey : notnull
    where TValue : class, IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<TKey, Entry> _entries = [];
    private long _useCount;

    /// <summary>Number of entries that are loaded or loading.</summary>
    public int Count
    {
        get
        {
            lock (_gate) return _entries.Count;
        }
    }

    /// <summary>Borrows the value of <paramref name="key"/>, loading it if needed.</summary>
    /// <exception cref="ModelException">Of kind Busy, when all places are in use; or what the load threw.</exception>
    public async ValueTask<ModelLease<TValue>> AcquireAsync(
        TKey key, Func<CancellationToken, Task<TValue>> load, CancellationToken cancellationToken)
    {
        Entry entry = Enter(key, load);
        try
        {
            // Others may wait for the same load, so that one caller's giving up does not end it.
            TValue value = await entry.Loading.WaitAsync(cancellationToken);
            return new ModelLease<TValue>(value, () => Leave(entry));
        }
        catch
        {
            if (entry.Loading.IsFaulted || entry.Loading.IsCanceled) Remove(key, entry);
            Leave(entry);
            throw;
        }
    }

    /// <summary>Forgets a key: the next call loads it anew. What is in use is unloaded once it is given back.</summary>
    public void Forget(TKey key)
    {
        Entry? entry;
        lock (_gate)
        {
            if (!_entries.Remove(key, out entry)) return;
            entry.Retired = true;
            if (entry.Users > 0) return;
        }
        entry.Unload();
    }

    public void Dispose()
    {
        TKey[] keys;
        lock (_gate) keys = [.. _entries.Keys];
        foreach (TKey key in keys) Forget(key);
    }

    private Entry Enter(TKey key, Func<CancellationToken, Task<TValue>> load)
    {
        Entry? evicted = null;
        Entry? entry;
        lock (_gate)
        {
            if (!_entries.TryGetValue(key, out entry))
            {
                if (_entries.Count >= maxLoaded) evicted = Evict();
                _entries[key] = entry = new Entry();
                // Off the lock and off this caller's thread and cancellation: the load belongs to all who ask.
                entry.Loading = Task.Run(() => load(CancellationToken.None), CancellationToken.None);
            }
            entry.Users++;
            entry.LastUse = ++_useCount;
        }
        evicted?.Unload();
        return entry;
    }

    private Entry Evict()
    {
        KeyValuePair<TKey, Entry>? oldest = null;
        foreach (KeyValuePair<TKey, Entry> candidate in _entries)
        {
            if (candidate.Value.Users > 0) continue;
            if (oldest is null || candidate.Value.LastUse < oldest.Value.Value.LastUse) oldest = candidate;
        }
        if (oldest is not { } found)
        {
            throw new ModelException(
                ModelErrorKind.Busy, $"All {maxLoaded} models that may be loaded at once are in use.")
            { RetryAfter = TimeSpan.FromSeconds(1) };
        }
        _entries.Remove(found.Key);
        found.Value.Retired = true;
        return found.Value;
    }

    private void Remove(TKey key, Entry entry)
    {
        lock (_gate)
        {
            if (_entries.TryGetValue(key, out Entry? present) && ReferenceEquals(present, entry)) _entries.Remove(key);
            entry.Retired = true;
        }
    }

    private void Leave(Entry entry)
    {
        lock (_gate)
        {
            if (--entry.Users > 0 || !entry.Retired) return;
        }
        entry.Unload();
    }

    private sealed class Entry
    {
        public Task<TValue> Loading { get; set; } = null!; // Set under the lock before anyone sees the entry.

        public int Users { get; set; }

        public long LastUse { get; set; }

        public bool Retired { get; set; }

        // A retired entry without users can still be loading, when all who asked gave up.
        public void Unload() => _ = Loading.ContinueWith(
            static done => done.Result.Dispose(), CancellationToken.None,
            TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
    }
}
