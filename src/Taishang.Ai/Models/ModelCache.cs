namespace Taishang.Ai.Models;

/// <summary>
/// Keeps loaded what is asked for by key: loads each key once however many ask at the same time, never unloads what
/// is in use, and makes room by unloading what was unused longest, by number and, where a load says how many it needs,
/// by bytes. A failed load is forgotten, so that the next call tries again.
/// </summary>
internal sealed class ModelCache<TKey, TValue>(int maxLoaded, long maxBytes = long.MaxValue) : IDisposable
    where TKey : notnull
    where TValue : class, IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<TKey, Entry> _entries = [];
    private long _useCount;
    private long _bytes;

    /// <summary>Number of entries that are loaded or loading.</summary>
    public int Count
    {
        get
        {
            lock (_gate) return _entries.Count;
        }
    }

    /// <summary>Bytes of what is loaded or loading, as the loads stated them.</summary>
    public long Bytes
    {
        get
        {
            lock (_gate) return _bytes;
        }
    }

    /// <summary>Borrows the value of <paramref name="key"/>, loading it if needed.</summary>
    /// <param name="key">What is asked for.</param>
    /// <param name="load">Asked once for all who wait.</param>
    /// <param name="cancellationToken">Ends the waiting, not the load.</param>
    /// <param name="bytesOf">Memory that the load takes; asked only where it is not loaded.</param>
    /// <exception cref="ModelException">Of kind Busy, when all places or bytes are in use; LoadFailed, when it would
    /// not fit alone; or what the load threw.</exception>
    public async ValueTask<ModelLease<TValue>> AcquireAsync(
        TKey key, Func<CancellationToken, Task<TValue>> load, CancellationToken cancellationToken,
        Func<long>? bytesOf = null)
    {
        Entry entry = Find(key) ?? Enter(key, load, bytesOf?.Invoke() ?? 0);
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
            _bytes -= entry.Bytes;
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

    private Entry? Find(TKey key)
    {
        lock (_gate)
        {
            if (!_entries.TryGetValue(key, out Entry? entry)) return null;
            entry.Users++;
            entry.LastUse = ++_useCount;
            return entry;
        }
    }

    private Entry Enter(TKey key, Func<CancellationToken, Task<TValue>> load, long bytes)
    {
        var evicted = new List<Entry>();
        Entry? entry;
        try
        {
            lock (_gate)
            {
                if (!_entries.TryGetValue(key, out entry))
                {
                    MakeRoom(bytes, evicted);
                    _entries[key] = entry = new Entry { Bytes = bytes };
                    _bytes += bytes;
                    // Off the lock and off this caller's thread and cancellation: the load belongs to all who ask.
                    entry.Loading = Task.Run(() => load(CancellationToken.None), CancellationToken.None);
                }
                entry.Users++;
                entry.LastUse = ++_useCount;
            }
        }
        finally
        {
            foreach (Entry old in evicted) old.Unload();
        }
        return entry;
    }

    private void MakeRoom(long bytes, List<Entry> evicted)
    {
        if (bytes > maxBytes)
        {
            throw new ModelException(ModelErrorKind.LoadFailed,
                $"model: it needs {bytes} bytes of memory; {maxBytes} may be used by all models together.");
        }
        // What can not make enough room shall not be thrown out in vain.
        long idle = _entries.Values.Where(entry => entry.Users == 0).Sum(entry => entry.Bytes);
        if (_bytes - idle + bytes > maxBytes)
            throw Full($"The models in use leave less than {bytes} of {maxBytes} bytes of memory.");
        while (_entries.Count >= maxLoaded || _bytes + bytes > maxBytes) evicted.Add(Evict());
    }

    private Entry Evict()
    {
        KeyValuePair<TKey, Entry>? oldest = null;
        foreach (KeyValuePair<TKey, Entry> candidate in _entries)
        {
            if (candidate.Value.Users > 0) continue;
            if (oldest is null || candidate.Value.LastUse < oldest.Value.Value.LastUse) oldest = candidate;
        }
        if (oldest is not { } found) throw Full($"All {maxLoaded} models that may be loaded at once are in use.");
        _entries.Remove(found.Key);
        _bytes -= found.Value.Bytes;
        found.Value.Retired = true;
        return found.Value;
    }

    private static ModelException Full(string message) =>
        new(ModelErrorKind.Busy, message) { RetryAfter = TimeSpan.FromSeconds(1) };

    private void Remove(TKey key, Entry entry)
    {
        lock (_gate)
        {
            if (_entries.TryGetValue(key, out Entry? present) && ReferenceEquals(present, entry))
            {
                _entries.Remove(key);
                _bytes -= entry.Bytes;
            }
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

        public required long Bytes { get; init; }

        public int Users { get; set; }

        public long LastUse { get; set; }

        public bool Retired { get; set; }

        // A retired entry without users can still be loading, when all who asked gave up.
        public void Unload() => _ = Loading.ContinueWith(
            static done => done.Result.Dispose(), CancellationToken.None,
            TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
    }
}
