using System.Globalization;
using Taishang.Core.Data;

namespace Taishang.Core.Costs;

/// <summary>
/// The one transaction by which a process writes what was used and leases room. Whoever holds the row of a period has
/// its turn; batches that were in doubt are known by their number.
/// </summary>
internal sealed class CostExchange(Database database)
{
    /// <summary>How long whoever holds room is asked for it: longer than a beat takes.</summary>
    private const long WantedMs = 2_000;

    private const string Sign = """
        UPDATE tai_budget_holders SET batch = @number, deadline_ms = tai_now_ms() + @leaseMs
        WHERE id = @holder AND swept = 0 AND batch < @number
        """;

    private const string Holder = "SELECT batch, swept FROM tai_budget_holders WHERE id = @holder";

    private const string NewHolder = """
        INSERT INTO tai_budget_holders (id, batch, deadline_ms) VALUES (@holder, @number, tai_now_ms() + @leaseMs)
        """;

    private const string Back = """
        UPDATE tai_budget_holders SET swept = 0, deadline_ms = tai_now_ms() + @leaseMs WHERE id = @holder AND swept = 1
        """;

    private const string Leases =
        "SELECT budget_id, period, amount FROM tai_budget_leases WHERE holder_id = @holder ORDER BY budget_id, period";

    private const string Reclaim = """
        UPDATE tai_budget_periods SET abandoned = abandoned - @Amount, reserved = reserved + @Amount,
            updated_at = tai_now()
        WHERE budget_id = @BudgetId AND period = @Period
        """;

    private const string Abandon = """
        UPDATE tai_budget_periods SET abandoned = abandoned + @Amount, reserved = reserved - @Amount,
            updated_at = tai_now()
        WHERE budget_id = @BudgetId AND period = @Period
        """;

    private const string Begin = """
        INSERT INTO tai_budget_periods (budget_id, period, updated_at)
        SELECT id, @period, tai_now() FROM tai_budgets WHERE id = @budgetId
        ON CONFLICT (budget_id, period) DO NOTHING
        """;

    /// <summary>From here on the row is this transaction's alone. The lease is what it was less what is spent and
    /// given back.
    /// </summary>
    private const string Settle = """
        UPDATE tai_budget_periods SET used = used + @used, refused = refused + @refused,
            reserved = reserved + @leased - COALESCE((SELECT amount FROM tai_budget_leases
                WHERE budget_id = @budgetId AND period = @period AND holder_id = @holder), 0),
            updated_at = tai_now()
        WHERE budget_id = @budgetId AND period = @period
        RETURNING budget_id, period, used, reserved, abandoned, refused, told
        """;

    private const string Grant = """
        UPDATE tai_budget_periods SET reserved = reserved + @grant
        WHERE budget_id = @budgetId AND period = @period AND used + abandoned + reserved + @grant <= @limit
        """;

    private const string Want = """
        UPDATE tai_budget_periods SET wanted_ms = tai_now_ms() + @wantedMs
        WHERE budget_id = @budgetId AND period = @period
        """;

    private const string Lease = """
        INSERT INTO tai_budget_leases (budget_id, period, holder_id, amount)
        VALUES (@budgetId, @period, @holder, @amount)
        ON CONFLICT (budget_id, period, holder_id) DO UPDATE SET amount = excluded.amount
        """;

    private const string Unlease = """
        DELETE FROM tai_budget_leases WHERE budget_id = @budgetId AND period = @period AND holder_id = @holder
        """;

    private const string Usage = """
        INSERT INTO tai_usage (hour, tenant, key_id, model, version, route, currency, calls, cached_calls, input_tokens,
            output_tokens, cost)
        VALUES (@hour, @Tenant, @KeyId, @Model, @Version, @Route, @Currency, @Calls, @CachedCalls, @InputTokens,
            @OutputTokens, @Cost)
        ON CONFLICT (hour, tenant, key_id, model, version, route, currency) DO UPDATE SET
            calls = tai_usage.calls + excluded.calls, cached_calls = tai_usage.cached_calls + excluded.cached_calls,
            input_tokens = tai_usage.input_tokens + excluded.input_tokens,
            output_tokens = tai_usage.output_tokens + excluded.output_tokens, cost = tai_usage.cost + excluded.cost
        """;

    private const string Wanted =
        "SELECT budget_id, period FROM tai_budget_periods WHERE wanted_ms > tai_now_ms() ORDER BY budget_id LIMIT 1000";

    private const string Dead = """
        UPDATE tai_budget_holders SET swept = 1 WHERE swept = 0 AND deadline_ms < tai_now_ms() RETURNING id
        """;

    private const string Leave = """
        DELETE FROM tai_budget_holders WHERE id = @holder AND swept = 0
            AND NOT EXISTS (SELECT 1 FROM tai_budget_leases WHERE holder_id = @holder)
        """;

    private const string Forget = """
        DELETE FROM tai_budget_holders WHERE deadline_ms < tai_now_ms() AND swept = 1
            AND NOT EXISTS (SELECT 1 FROM tai_budget_leases WHERE holder_id = tai_budget_holders.id)
        """;

    /// <summary>Writes a batch and leases what its counters ask for. Sent again, it changes nothing more.</summary>
    public Task<IReadOnlyList<CounterResult>> ExchangeAsync(
        string holder, CostBatch batch, TimeSpan lease, CancellationToken cancellation) =>
        database.WriteAsync<IReadOnlyList<CounterResult>>(
            async session =>
            {
                var isNew = await SignAsync(session, holder, batch.Number, (long)lease.TotalMilliseconds);
                var results = new List<CounterResult>(batch.Counters.Count);
                var crossings = new List<BudgetCrossing>();
                foreach (var delta in batch.Counters)
                    results.Add(await CounterAsync(session, holder, delta, isNew, crossings));
                if (!isNew) return results;
                foreach (var (key, sums) in batch.Usage) await AddUsageAsync(session, key, sums);
                await BudgetAlerts.TellAsync(session, crossings);
                return results;
            },
            cancellation);

    /// <summary>Says that the process lives, without anything else.</summary>
    public Task RenewAsync(string holder, long number, TimeSpan lease, CancellationToken cancellation) =>
        ExchangeAsync(holder, new CostBatch(number, [], []), lease, cancellation);

    /// <summary>Periods in which somebody was refused while others held room.</summary>
    public Task<IReadOnlyList<(string BudgetId, string Period)>> WantedAsync(CancellationToken cancellation) =>
        database.ReadAsync<IReadOnlyList<(string, string)>>(
            async session =>
                [.. (await session.QueryAsync<LeaseRow>(Wanted)).Select(row => (row.BudgetId, row.Period))],
            cancellation);

    /// <summary>Counts what dead processes have leased as spent; returns how many have died.</summary>
    public Task<int> SweepAsync(CancellationToken cancellation) => database.WriteAsync(
        async session =>
        {
            var dead = await session.QueryAsync<string>(Dead);
            foreach (var holder in dead.Order(StringComparer.Ordinal))
            {
                foreach (var row in await session.QueryAsync<LeaseRow>(Leases, new { holder }))
                    await session.ExecuteAsync(Abandon, row);
            }

            await session.ExecuteAsync(Forget);
            return dead.Count;
        },
        cancellation);

    /// <summary>The process ends in order, and holds nothing any more.</summary>
    public Task LeaveAsync(string holder, CancellationToken cancellation) =>
        database.WriteAsync(session => session.ExecuteAsync(Leave, new { holder }), cancellation);

    public static Task AddUsageAsync(DatabaseSession session, UsageKey key, UsageSums sums) => session.ExecuteAsync(
        Usage, new
        {
            hour = HourOf(key.Hour),
            key.Tenant,
            key.KeyId,
            key.Model,
            key.Version,
            key.Route,
            key.Currency,
            sums.Calls,
            sums.CachedCalls,
            sums.InputTokens,
            sums.OutputTokens,
            sums.Cost,
        });

    /// <summary><c>2026-11-26T04</c>.</summary>
    public static string HourOf(long hour) => DateTimeOffset.UnixEpoch.AddHours(hour)
        .ToString("yyyy-MM-dd'T'HH", CultureInfo.InvariantCulture);

    /// <summary>False when the batch was written before.</summary>
    private static async Task<bool> SignAsync(DatabaseSession session, string holder, long number, long leaseMs)
    {
        if (await session.ExecuteAsync(Sign, new { holder, number, leaseMs }) > 0) return true;
        if (await session.FindAsync<HolderRow>(Holder, new { holder }) is not { } known)
        {
            await session.ExecuteAsync(NewHolder, new { holder, number, leaseMs });
            return true;
        }

        if (known.Swept == 0) return false;
        // Somebody took this process for dead. What it has leased was counted as spent, so it was safe to go on.
        await session.ExecuteAsync(Back, new { holder, leaseMs });
        foreach (var row in await session.QueryAsync<LeaseRow>(Leases, new { holder }))
            await session.ExecuteAsync(Reclaim, row);
        return await session.ExecuteAsync(Sign, new { holder, number, leaseMs }) > 0;
    }

    private static async Task<CounterResult> CounterAsync(
        DatabaseSession session, string holder, CounterDelta delta, bool isNew, List<BudgetCrossing> crossings)
    {
        var (budgetId, period) = (delta.Counter.BudgetId, delta.Counter.Period.Key);
        if (await BudgetStore.FindAsync(session, budgetId) is not { } budget) return Gone;
        await session.ExecuteAsync(Begin, new { budgetId, period });
        // What an earlier try of the batch was granted is a part of the lease already: the row is only read then.
        var before = isNew ? delta.Leased : await LeasedAsync(session, holder, budgetId, period);
        var row = await session.FindAsync<BudgetState>(Settle, new
        {
            budgetId,
            period,
            holder,
            used = isNew ? delta.Spent + delta.Extra : 0,
            refused = isNew ? delta.Refused : 0,
            leased = before,
        });
        if (row is null) return Gone;
        if (delta.Spent + delta.Extra > 0) crossings.Add(new BudgetCrossing(budget, row));
        var grant = before - delta.Leased;
        if (isNew) grant = await GrantAsync(session, delta, row, budget.LimitUnits);
        if (isNew) await LeaseAsync(session, holder, delta, delta.Leased + grant);
        return new CounterResult(
            grant, row.Used, row.Reserved + (isNew ? grant : 0), row.Abandoned, budget.LimitUnits, false);
    }

    private static CounterResult Gone => new(0, 0, 0, 0, 0, true);

    private static Task<long> LeasedAsync(DatabaseSession session, string holder, string budgetId, string period) =>
        session.ScalarAsync<long>(
            """
            SELECT COALESCE(SUM(amount), 0) FROM tai_budget_leases
            WHERE budget_id = @budgetId AND period = @period AND holder_id = @holder
            """,
            new { holder, budgetId, period });

    private static async Task<long> GrantAsync(
        DatabaseSession session, CounterDelta delta, BudgetState row, long limit)
    {
        if (delta.Waiters.Length == 0) return 0;
        var (budgetId, period) = (delta.Counter.BudgetId, delta.Counter.Period.Key);
        var left = Math.Max(0, limit - row.Used - row.Abandoned - row.Reserved);
        var grant = Math.Min(delta.Asked, left);
        if (grant < delta.Asked && row.Reserved > delta.Leased)
            await session.ExecuteAsync(Want, new { budgetId, period, wantedMs = WantedMs });
        grant += Math.Min(delta.Ahead, (left - grant) / delta.Counter.BlockShare);
        if (grant == 0) return 0;
        if (await session.ExecuteAsync(Grant, new { budgetId, period, grant, limit }) == 0)
            throw new InvalidOperationException($"the budget {budgetId} changed under its lock");
        return grant;
    }

    private static Task LeaseAsync(DatabaseSession session, string holder, CounterDelta delta, long amount)
    {
        var (budgetId, period) = (delta.Counter.BudgetId, delta.Counter.Period.Key);
        return amount == 0
            ? session.ExecuteLaterAsync(Unlease, new { budgetId, period, holder })
            : session.ExecuteLaterAsync(Lease, new { budgetId, period, holder, amount });
    }

    private sealed record HolderRow
    {
        public long Batch { get; init; }

        public int Swept { get; init; }
    }

    private sealed record LeaseRow
    {
        public string BudgetId { get; init; } = "";

        public string Period { get; init; } = "";

        public long Amount { get; init; }
    }
}
