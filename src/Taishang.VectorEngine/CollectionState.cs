using Taishang.VectorEngine.Log;
using Taishang.VectorEngine.Segments;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine;

/// <summary>
/// The rows in memory and the snapshot that readers take. Every change is made under one lock and becomes visible by
/// publishing a new snapshot; readers never wait for it, except to take a lease or to sweep out rows whose time came.
/// </summary>
internal sealed class CollectionState(Generation first, TimeProvider time)
{
    private readonly Lock _lock = new();
    private PriorityQueue<int, long> _expiries = new();
    private Snapshot _current = new(first, 0, 0, 0);
    private Generation _generation = first;
    private long _nextExpiryTicks = RowRecord.Never;
    private long _commit;
    private int _live;

    /// <summary>The present snapshot with a lease on its generation, rows that expired by now left out.</summary>
    public Snapshot Acquire()
    {
        var now = time.GetUtcNow().UtcTicks;
        while (true)
        {
            if (now >= Volatile.Read(ref _nextExpiryTicks))
                SweepExpired();

            var snapshot = Volatile.Read(ref _current);

            // A row may be written when its time is over already: it is announced before it is published.
            if (now >= Volatile.Read(ref _nextExpiryTicks))
                continue;

            if (snapshot.Generation.TryAcquire())
                return snapshot;

            // A generation given back and still the present one is that of a closed collection.
            var isClosed = ReferenceEquals(snapshot, Volatile.Read(ref _current));
            ObjectDisposedException.ThrowIf(isClosed, typeof(VectorCollection));
        }
    }

    /// <summary>When the next row will vanish by itself; null when none will.</summary>
    public DateTimeOffset? NextExpiryAt =>
        Volatile.Read(ref _nextExpiryTicks) is var ticks && ticks < DateTimeOffset.MaxValue.UtcTicks
            ? new DateTimeOffset(ticks, TimeSpan.Zero)
            : null;

    /// <summary>The present snapshot without a lease, for its numbers alone.</summary>
    public Snapshot Peek() => Volatile.Read(ref _current);

    /// <summary>Applies a durable record; returns how many rows it wrote, or deleted.</summary>
    /// <param name="payload">Of the record.</param>
    /// <param name="sweep">Rows whose time has come go first.</param>
    /// <param name="laid">Vectors that lie in their places already.</param>
    public int Apply(ReadOnlyMemory<byte> payload, bool sweep, LaidRows? laid = null)
    {
        lock (_lock)
        {
            if (sweep)
                SweepLocked();

            _commit++;
            var reader = LogRecord.Read(payload, _generation.Rows.Dimensions);
            var isUpsert = reader.Kind == LogRecordKind.Upsert;
            var affected = isUpsert ? ApplyUpsert(ref reader, laid) : ApplyDelete(ref reader);
            Publish();
            return affected;
        }
    }

    /// <summary>Takes over sealed rows at opening: marks the dead, finds the living by their ids.</summary>
    public void Adopt(Memory.RowBitmap? dead)
    {
        lock (_lock)
        {
            var rows = _generation.Rows;
            _generation.Ids.EnsureCapacity(rows.Count);
            for (var row = 0; row < rows.Count; row++)
            {
                if (dead is not null && row < dead.Rows && dead.Contains(row))
                {
                    rows.Kill(row, 0);
                    continue;
                }

                _live++;
                ReplaceId(row);
                Schedule(row);
            }

            Publish();
        }
    }

    /// <summary>The rows of living ids, in the order asked, with the snapshot that they belong to.</summary>
    public Snapshot Find(IReadOnlyList<VectorId> ids, List<int> found)
    {
        lock (_lock)
        {
            SweepLocked();
            foreach (var id in ids)
            {
                if (id.Text is not null && _generation.Ids.TryGet(id.Text, out var row))
                    found.Add(row);
            }

            ObjectDisposedException.ThrowIf(!_generation.TryAcquire(), typeof(VectorCollection));
            return _current;
        }
    }

    /// <summary>Sweeps, then returns the present snapshot; only the writer calls it, so that no commit comes between.
    /// </summary>
    public Snapshot SweepAndPeek()
    {
        SweepExpired();
        return Peek();
    }

    /// <summary>
    /// Puts a compacted generation in place. <paramref name="finish"/> runs under the lock: it brings over what was
    /// written meanwhile and returns the living rows of the new generation. <paramref name="expiries"/> are its rows
    /// that will expire, whole once it has run: to read every record here would make all writes wait.
    /// </summary>
    public void Replace(Generation next, PriorityQueue<int, long> expiries, Func<int> finish)
    {
        Generation old;
        lock (_lock)
        {
            _live = finish();
            old = _generation;
            _generation = next;
            _expiries = expiries;
            Publish();
            Volatile.Write(ref _nextExpiryTicks, NextExpiry());
        }

        old.Release();
    }

    /// <summary>Gives up the generation; readers that hold a lease finish on it.</summary>
    public void Close() => _generation.Release();

    private int ApplyUpsert(ref LogRecord.LogRecordReader reader, LaidRows? laid)
    {
        while (reader.TryNextRow(out var fields, out var vector))
        {
            var isLaid = laid is not null && laid.Covers(_generation);
            var row = _generation.Rows.Append(vector, fields, RowTable.Alive, isLaid);
            _live++;
            ReplaceId(row);
            Schedule(row);
        }

        return reader.Count;
    }

    private int ApplyDelete(ref LogRecord.LogRecordReader reader)
    {
        var deleted = 0;
        while (reader.TryNextId(out var id))
        {
            if (!_generation.Ids.Remove(id, out var row))
                continue;

            _generation.Rows.Kill(row, _commit);
            _live--;
            deleted++;
        }

        return deleted;
    }

    private void ReplaceId(int row)
    {
        var before = _generation.Ids.Put(row);
        if (before < 0)
            return;

        _generation.Rows.Kill(before, _commit);
        _live--;
    }

    private void Schedule(int row)
    {
        var ticks = _generation.Rows.Record(row).ExpiresAtTicks;
        if (ticks == RowRecord.Never)
            return;

        _expiries.Enqueue(row, ticks);
        if (ticks < _nextExpiryTicks)
            Volatile.Write(ref _nextExpiryTicks, ticks);
    }

    private void SweepExpired()
    {
        lock (_lock)
            SweepLocked();
    }

    private void SweepLocked()
    {
        var now = time.GetUtcNow().UtcTicks;
        if (now < _nextExpiryTicks)
            return;

        _commit++;
        var rows = _generation.Rows;
        while (_expiries.TryPeek(out var row, out var ticks) && ticks <= now)
        {
            _expiries.Dequeue();
            if (rows.DiedAt(row) != RowTable.Alive)
                continue;

            _generation.Ids.Remove(rows.Record(row).Id, out _);
            rows.Kill(row, _commit);
            _live--;
        }

        // In this order: whoever reads that nothing is due must find the snapshot from which it is gone.
        Publish();
        Volatile.Write(ref _nextExpiryTicks, NextExpiry());
    }

    private long NextExpiry() => _expiries.TryPeek(out _, out var ticks) ? ticks : RowRecord.Never;

    private void Publish() =>
        Volatile.Write(ref _current, new Snapshot(_generation, _generation.Rows.Count, _commit, _live));
}
