namespace Taishang.Core.Costs;

/// <summary>
/// The room of one budget in one period that this process has leased. All of it is counted as reserved in the
/// database: it is free, or held by calls under way, or spent and not written yet. Only an exchange with the database
/// changes the sum of the three; calls move room between them.
/// </summary>
internal sealed class BudgetCounter(Budget budget, BudgetPeriod period, CostOptions options)
{
    private readonly Lock _gate = new();
    private readonly List<RoomWaiter> _waiters = [];
    private long _free;
    private long _held;
    private long _spent;

    /// <summary>Used beyond what was leased.</summary>
    private long _extra;

    private long _refused;

    /// <summary>Spent since the last beat, and what that comes to in the time that is leased ahead.</summary>
    private long _beat;
    private long _recent;

    private long _takenMs = long.MinValue / 2;
    private BudgetRefusal? _refusal;
    private long _roomBeyond;
    private long _refusalUntilMs;
    private bool _gone;

    public string BudgetId => budget.Id;

    public BudgetPeriod Period => period;

    /// <summary>Never more is leased ahead than one part in so many of what is left.</summary>
    public int BlockShare => options.BlockShare;

    /// <summary>Another process was refused: what is free goes back with the next exchange.</summary>
    public bool IsWanted { get; set; }

    /// <summary>Something of the budget is leased.</summary>
    public bool HoldsRoom
    {
        get
        {
            lock (_gate) return _free + _held + _spent > 0;
        }
    }

    public bool IsIdle
    {
        get
        {
            lock (_gate) return _free + _held + _spent + _extra + _refused == 0 && _waiters.Count == 0;
        }
    }

    /// <summary>Takes room; null when it was taken.</summary>
    /// <param name="need">At most <see cref="CostAmounts.UnitsMax"/>.</param>
    /// <param name="nowMs">Monotonic.</param>
    /// <param name="ask">Called when the database has to be asked.</param>
    /// <param name="cancellation">Of the call.</param>
    public ValueTask<BudgetRefusal?> TakeAsync(long need, long nowMs, Action ask, CancellationToken cancellation)
    {
        RoomWaiter waiter;
        lock (_gate)
        {
            _takenMs = nowMs;
            if (_gone || (_free >= need && _waiters.Count == 0))
            {
                (_free, _held) = (_free - need, _held + need);
                return default;
            }

            if (_refusal is not null && nowMs < _refusalUntilMs && need > _free + _roomBeyond)
                return new ValueTask<BudgetRefusal?>(_refusal);
            _waiters.Add(waiter = new RoomWaiter(need));
        }

        ask();
        return new ValueTask<BudgetRefusal?>(WaitAsync(waiter, cancellation));
    }

    /// <summary>Puts what was used in the place of what was held; the rest is free again.</summary>
    public void Settle(long held, long used)
    {
        lock (_gate)
        {
            _held -= held;
            var room = held + (used > held ? Math.Max(0, Math.Min(_free, used - held)) : 0);
            var spent = Math.Min(used, room);
            _free += held - spent;
            _spent += spent;
            _extra += used - spent;
            _beat += used;
        }
    }

    public void Refused()
    {
        lock (_gate) _refused++;
    }

    /// <summary>A change may have made room: the next call asks the database.</summary>
    public void Forget()
    {
        lock (_gate) _refusal = null;
    }

    /// <summary>What an exchange takes to the database; null for nothing.</summary>
    /// <param name="beat">Everything; otherwise only where calls wait.</param>
    /// <param name="nowMs">Monotonic.</param>
    /// <param name="closing">All that is free goes back.</param>
    public CounterDelta? Capture(bool beat, long nowMs, bool closing)
    {
        lock (_gate)
        {
            if (_waiters.Count == 0 && !beat) return null;
            if (beat) Beat();
            var needs = 0L;
            foreach (var waiter in _waiters) needs = Math.Min(needs + waiter.Need, 2 * CostAmounts.UnitsMax);
            var back = 0L;
            if (_waiters.Count == 0 && (closing || IsWanted || nowMs - _takenMs >= options.IdleMs))
                (back, _free) = (_free, 0);
            IsWanted = false;
            if (_waiters.Count == 0 && back + _spent + _extra + _refused == 0) return null;
            var delta = new CounterDelta(this)
            {
                Spent = _spent,
                Extra = _extra,
                Refused = _refused,
                Leased = _free + _held,
                Asked = Math.Max(0, needs - _free),
                Ahead = _waiters.Count == 0 ? 0
                    : Math.Max(_recent, Math.Min(needs / _waiters.Count, CostAmounts.UnitsMax / 10_000)
                        * options.BlockCalls),
                Waiters = [.. _waiters],
            };
            _spent = _extra = _refused = 0;
            return delta;
        }
    }

    /// <summary>Takes in what the database has granted, and answers those who waited for it.</summary>
    public void Apply(CounterDelta delta, CounterResult result, long nowMs)
    {
        var answered = new List<(RoomWaiter Waiter, BudgetRefusal? Refusal)>();
        lock (_gate)
        {
            _gone |= result.IsGone;
            _free += result.Granted;
            var refusal = new BudgetRefusal(result.Limit - result.Used - result.Abandoned, result.Limit, period.EndsAt);
            foreach (var waiter in delta.Waiters)
            {
                // One that has gone away, or failed with an exchange before, is not there any more.
                if (!_waiters.Remove(waiter)) continue;
                var taken = _gone || _free >= waiter.Need;
                if (taken) (_free, _held, waiter.IsTaken) = (_free - waiter.Need, _held + waiter.Need, true);
                answered.Add((waiter, taken ? null : refusal));
            }

            if (answered.Exists(one => one.Refusal is not null))
            {
                (_refusal, _refusalUntilMs) = (refusal, nowMs + options.RefusalMs);
                _roomBeyond = Math.Max(0, result.Limit - result.Used - result.Abandoned - result.Reserved);
            }
        }

        foreach (var (waiter, refusal) in answered) waiter.Answer.TrySetResult(refusal);
    }

    /// <summary>The database does not answer: nobody goes on waiting for it.</summary>
    public void Fail(Exception e)
    {
        RoomWaiter[] waiters;
        lock (_gate)
        {
            waiters = [.. _waiters];
            _waiters.Clear();
        }

        foreach (var waiter in waiters) waiter.Answer.TrySetException(e);
    }

    public bool HasWaiters
    {
        get
        {
            lock (_gate) return _waiters.Count > 0;
        }
    }

    private void Beat()
    {
        _recent = Math.Max(_beat * options.AheadMs / options.FlushMs, _recent / 2);
        _beat = 0;
    }

    private async Task<BudgetRefusal?> WaitAsync(RoomWaiter waiter, CancellationToken cancellation)
    {
        try
        {
            return await waiter.Answer.Task.WaitAsync(cancellation);
        }
        catch (OperationCanceledException)
        {
            bool taken;
            lock (_gate) taken = !_waiters.Remove(waiter) && waiter.IsTaken;
            if (taken) Settle(waiter.Need, 0);
            throw;
        }
    }
}

/// <summary>A call that waits for room.</summary>
internal sealed class RoomWaiter(long need)
{
    public long Need { get; } = need;

    public bool IsTaken { get; set; }

    public TaskCompletionSource<BudgetRefusal?> Answer { get; } =
        new(TaskCreationOptions.RunContinuationsAsynchronously);
}
