namespace Taishang.Core.Costs;

/// <summary>What goes to the database in one transaction.</summary>
/// <param name="Number">Grows by one; a batch that is sent again keeps it, and counts once.</param>
/// <param name="Counters">Ordered by budget and period.</param>
/// <param name="Usage">Ordered by key.</param>
internal sealed record CostBatch(
    long Number, IReadOnlyList<CounterDelta> Counters, IReadOnlyList<KeyValuePair<UsageKey, UsageSums>> Usage);

/// <summary>What has happened to a budget in this process, and what it asks for.</summary>
internal sealed record CounterDelta(BudgetCounter Counter)
{
    /// <summary>Of what was leased.</summary>
    public long Spent { get; init; }

    /// <summary>Beyond it.</summary>
    public long Extra { get; init; }

    public long Refused { get; init; }

    /// <summary>What stays leased before anything is granted.</summary>
    public long Leased { get; init; }

    /// <summary>What calls wait for.</summary>
    public long Asked { get; init; }

    /// <summary>What may be granted beyond that.</summary>
    public long Ahead { get; init; }

    public RoomWaiter[] Waiters { get; init; } = [];
}

/// <summary>What came of it, and where the budget stands after it.</summary>
internal readonly record struct CounterResult(
    long Granted, long Used, long Reserved, long Abandoned, long Limit, bool IsGone);

/// <param name="Hour">Hours since 1970, in UTC.</param>
/// <param name="Route">Empty for none.</param>
/// <param name="Currency">Empty for none.</param>
internal readonly record struct UsageKey(
    long Hour, string Tenant, string KeyId, string Model, string Version, string Route, string Currency);

/// <summary>What calls have used.</summary>
internal sealed record UsageSums
{
    public long Calls { get; set; }

    public long CachedCalls { get; set; }

    public long InputTokens { get; set; }

    public long OutputTokens { get; set; }

    /// <summary>In billionths.</summary>
    public long Cost { get; set; }

    public void Add(UsageSums other)
    {
        Calls += other.Calls;
        CachedCalls += other.CachedCalls;
        InputTokens += other.InputTokens;
        OutputTokens += other.OutputTokens;
        Cost += other.Cost;
    }
}
