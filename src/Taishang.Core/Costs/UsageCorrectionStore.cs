using Taishang.Core.Api;
using Taishang.Core.Data;

namespace Taishang.Core.Costs;

/// <summary>Rows of tai_usage_corrections: each is written together with what it changes.</summary>
internal sealed class UsageCorrectionStore(Database database)
{
    private const string Select = """
        SELECT id, budget_id, budget, at, tenant, key_id, model, version, route, currency, calls, input_tokens,
            output_tokens, cost, reason, made_by, made_with, created_at
        FROM tai_usage_corrections
        """;

    private const string Insert = """
        INSERT INTO tai_usage_corrections (id, budget_id, budget, at, tenant, key_id, model, version, route, currency,
            calls, input_tokens, output_tokens, cost, reason, made_by, made_with, created_at)
        VALUES (@Id, @BudgetId, @Budget, @At, @Tenant, @KeyId, @Model, @Version, @Route, @Currency, @Calls,
            @InputTokens, @OutputTokens, @Cost, @Reason, @MadeBy, @MadeWith, @CreatedAt)
        """;

    private const string Matches = """
        WHERE (CAST(@tenant AS VARCHAR(100)) IS NULL OR tenant = @tenant)
            AND (CAST(@budget AS VARCHAR(50)) IS NULL OR budget = @budget OR budget_id = @budget)
        """;

    private const string Add = """
        INSERT INTO tai_budget_periods (budget_id, period, used, updated_at) VALUES (@Id, @period, @units, tai_now())
        ON CONFLICT (budget_id, period) DO UPDATE SET used = tai_budget_periods.used + excluded.used,
            updated_at = excluded.updated_at
        RETURNING budget_id, period, used, reserved, abandoned, refused, told
        """;

    /// <summary>Of one budget, or of usage and of every budget that covers it. The row that has this id already is
    /// given back as it is: an earlier try of the request made it.</summary>
    /// <param name="correction">Without the budget.</param>
    /// <param name="budget">Name or id of the only one that is corrected; null for usage.</param>
    /// <param name="amount">Of that budget.</param>
    /// <param name="cancellation">Of the request.</param>
    /// <exception cref="ApiException">No such budget (20034), or an amount that it does not count (20037).</exception>
    public Task<UsageCorrection> MakeAsync(
        UsageCorrection correction, string? budget, decimal amount, CancellationToken cancellation) =>
        database.WriteAsync(
            async session =>
            {
                var made = await session.FindAsync<UsageCorrection>(
                    $"{Select} WHERE id = @Id", new { correction.Id });
                if (made is not null) return made;
                if (budget is null) return await OfUsageAsync(session, correction);
                return await OfBudgetAsync(session, correction, await BudgetStore.GetAsync(session, budget), amount);
            },
            cancellation);

    public Task<(IReadOnlyList<UsageCorrection> Rows, long Total)> ListAsync(
        ListQuery query, CancellationToken cancellation)
    {
        var order = query.Sort?.Descending == false ? "id" : "id DESC";
        var parameters = new
        {
            tenant = query.Filter("tenant"),
            budget = query.Filter("budget"),
            query.PageSize,
            query.Skip,
        };
        return database.ReadAsync(
            async session => (
                await session.QueryAsync<UsageCorrection>(
                    $"{Select} {Matches} ORDER BY {order} LIMIT @PageSize OFFSET @Skip", parameters),
                await session.ScalarAsync<long>($"SELECT COUNT(*) FROM tai_usage_corrections {Matches}", parameters)),
            cancellation);
    }

    private static async Task<UsageCorrection> OfUsageAsync(DatabaseSession session, UsageCorrection correction)
    {
        await session.ExecuteAsync(Insert, correction);
        var crossings = new List<BudgetCrossing>();
        foreach (var budget in await BudgetStore.AllAsync(session))
        {
            if (!correction.Meets(budget) || correction.UnitsOf(budget) is 0) continue;
            crossings.Add(await AddAsync(session, budget, correction.At, correction.UnitsOf(budget)));
        }

        await CostExchange.AddUsageAsync(
            session,
            new UsageKey(
                (long)Math.Floor((correction.At - DateTimeOffset.UnixEpoch).TotalHours), correction.Tenant,
                correction.KeyId, correction.Model, correction.Version, correction.Route, correction.Currency),
            new UsageSums
            {
                Calls = correction.Calls,
                InputTokens = correction.InputTokens,
                OutputTokens = correction.OutputTokens,
                Cost = correction.Cost,
            });
        await BudgetAlerts.TellAsync(session, crossings);
        return correction;
    }

    private static async Task<UsageCorrection> OfBudgetAsync(
        DatabaseSession session, UsageCorrection correction, Budget budget, decimal amount)
    {
        var units = UsageCorrectionRules.UnitsOf(budget, amount);
        var made = correction with
        {
            BudgetId = budget.Id,
            Budget = budget.Name,
            Calls = budget.Unit == BudgetWords.Calls ? units : 0,
            InputTokens = budget.Unit == BudgetWords.Tokens ? units : 0,
            Cost = budget.Unit == BudgetWords.Money ? units : 0,
            Currency = budget.Currency ?? "",
        };
        await session.ExecuteAsync(Insert, made);
        await BudgetAlerts.TellAsync(session, [await AddAsync(session, budget, made.At, units)]);
        return made;
    }

    private static async Task<BudgetCrossing> AddAsync(
        DatabaseSession session, Budget budget, DateTimeOffset at, long units)
    {
        var period = BudgetPeriod.Of(budget.Period, at).Key;
        var state = await session.QueryAsync<BudgetState>(Add, new { budget.Id, period, units });
        return new BudgetCrossing(budget, state[0]);
    }
}
