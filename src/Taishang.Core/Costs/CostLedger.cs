using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using Taishang.Core.AiClient;

namespace Taishang.Core.Costs;

/// <summary>What this process knows of budgets and usage that the database does not know yet.</summary>
internal sealed class CostLedger(IOptions<CostOptions> options, TimeProvider time) : IDisposable
{
    private readonly ConcurrentDictionary<string, BudgetCounter> _current = new(StringComparer.Ordinal);
    private readonly Lock _changing = new();
    private readonly List<BudgetCounter> _ended = [];

    public UsageBook Usage { get; } = new(options);

    /// <summary>Set when a call waits for room.</summary>
    public WakeSignal Demand { get; } = new(time);

    /// <summary>Monotonic, in milliseconds.</summary>
    public long NowMs => (long)time.GetElapsedTime(0).TotalMilliseconds;

    /// <summary>True when any room is leased.</summary>
    public bool HoldsRoom => All().Any(counter => counter.HoldsRoom);

    public bool HasWaiters => All().Any(counter => counter.HasWaiters);

    /// <summary>The counter of the budget in the period that is now.</summary>
    public BudgetCounter CounterOf(Budget budget)
    {
        var now = time.GetUtcNow();
        return _current.TryGetValue(budget.Id, out var counter) && now < counter.Period.EndsAt
            ? counter : Begin(budget, now);
    }

    public ValueTask<BudgetRefusal?> TakeAsync(BudgetCounter counter, long need, CancellationToken cancellation) =>
        counter.TakeAsync(need, NowMs, Demand.Set, cancellation);

    /// <summary>What goes to the database next; null when there is nothing.</summary>
    public CostBatch? Capture(long number, bool beat, bool closing)
    {
        var nowMs = NowMs;
        var deltas = All()
            .Select(counter => counter.Capture(beat, nowMs, closing || counter.Period.EndsAt <= time.GetUtcNow()))
            .OfType<CounterDelta>()
            .OrderBy(delta => delta.Counter.BudgetId, StringComparer.Ordinal)
            .ThenBy(delta => delta.Counter.Period.Key, StringComparer.Ordinal)
            .ToList();
        var usage = beat ? Usage.Take() : [];
        return deltas.Count + usage.Count == 0 ? null : new CostBatch(number, deltas, usage);
    }

    public void Apply(CostBatch batch, IReadOnlyList<CounterResult> results)
    {
        for (var i = 0; i < results.Count; i++)
        {
            var counter = batch.Counters[i].Counter;
            counter.Apply(batch.Counters[i], results[i], NowMs);
            if (results[i].IsGone) _current.TryRemove(KeyValuePair.Create(counter.BudgetId, counter));
        }

        lock (_changing) _ended.RemoveAll(counter => counter.IsIdle);
    }

    public void Fail(Exception e)
    {
        foreach (var counter in All()) counter.Fail(e);
    }

    /// <summary>Other processes were refused room in these periods.</summary>
    public void Want(IEnumerable<(string BudgetId, string Period)> wanted)
    {
        foreach (var (budgetId, period) in wanted)
        {
            if (_current.TryGetValue(budgetId, out var counter) && counter.Period.Key == period)
                counter.IsWanted = true;
        }
    }

    /// <summary>After a change that may have made room.</summary>
    public void ForgetRefusals()
    {
        foreach (var counter in All()) counter.Forget();
    }

    public void Dispose() => Demand.Dispose();

    private BudgetCounter Begin(Budget budget, DateTimeOffset now)
    {
        lock (_changing)
        {
            if (_current.TryGetValue(budget.Id, out var before))
            {
                if (now < before.Period.EndsAt) return before;
                // Its calls still end; then what it has leased goes back.
                _ended.Add(before);
            }

            return _current[budget.Id] = new BudgetCounter(
                budget, BudgetPeriod.Of(budget.Period, now), options.Value);
        }
    }

    private List<BudgetCounter> All()
    {
        lock (_changing) return [.. _ended, .. _current.Values];
    }
}
