using Taishang.Core.Data;
using Taishang.Core.Gateway;

namespace Taishang.Core.Costs;

/// <summary>Rows of tai_usage.</summary>
internal sealed class UsageStore(Database database)
{
    private const string Matches = """
        FROM tai_usage WHERE hour >= @from AND hour < @to
            AND (CAST(@tenant AS VARCHAR(100)) IS NULL OR tenant = @tenant)
            AND (CAST(@key AS VARCHAR(100)) IS NULL OR key_id = @key)
            AND (CAST(@model AS VARCHAR(255)) IS NULL OR model = @model)
            AND (CAST(@version AS VARCHAR(20)) IS NULL OR version = @version)
            AND (CAST(@route AS VARCHAR(100)) IS NULL OR route = @route)
        """;

    private const string Group = """
        SUBSTR(hour, 1, @width) AS bucket, CASE WHEN @byTenant = 1 THEN tenant ELSE '' END AS tenant,
        CASE WHEN @byKey = 1 THEN key_id ELSE '' END AS key_id, CASE WHEN @byModel = 1 THEN model ELSE '' END AS model,
        CASE WHEN @byVersion = 1 THEN version ELSE '' END AS version,
        CASE WHEN @byRoute = 1 THEN route ELSE '' END AS route
        """;

    private const string Sums = """
        CAST(COALESCE(SUM(calls), 0) AS BIGINT) AS calls,
        CAST(COALESCE(SUM(cached_calls), 0) AS BIGINT) AS cached_calls,
        CAST(COALESCE(SUM(input_tokens), 0) AS BIGINT) AS input_tokens,
        CAST(COALESCE(SUM(output_tokens), 0) AS BIGINT) AS output_tokens
        """;

    private const string Rows = $"""
        SELECT {Group}, {Sums} {Matches} GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1 DESC, 2, 3, 4, 5, 6
        LIMIT @PageSize OFFSET @Skip
        """;

    private const string Count =
        $"SELECT COUNT(*) FROM (SELECT {Group} {Matches} GROUP BY 1, 2, 3, 4, 5, 6) AS grouped";

    private const string Totals = $"SELECT {Sums} {Matches}";

    private const string CostsOfAll = $"""
        SELECT currency, CAST(SUM(cost) AS BIGINT) AS cost {Matches} AND currency <> '' GROUP BY currency
        ORDER BY currency
        """;

    /// <summary>Of the buckets that are on the page, which begin and end with these.</summary>
    private const string Costs = $"""
        SELECT {Group}, currency, CAST(SUM(cost) AS BIGINT) AS cost {Matches} AND currency <> ''
            AND SUBSTR(hour, 1, @width) >= @first AND SUBSTR(hour, 1, @width) <= @last
        GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 7
        """;

    /// <summary>One page of groups, the newest bucket first, and the sums of all of them, as of one moment.</summary>
    public Task<(IReadOnlyList<UsageRow> Rows, long Total, UsageRow Totals)> QueryAsync(
        UsageQuery query, CancellationToken cancellation) => database.ReadAsync(
        session => session.InSnapshotAsync(() => QueryAsync(session, query)), cancellation);

    /// <summary>Deletes what is older, and periods of budgets that ended so long ago.</summary>
    public Task SweepAsync(DateTimeOffset before, CancellationToken cancellation) => database.WriteAsync(
        async session =>
        {
            await session.ExecuteAsync(
                "DELETE FROM tai_usage WHERE hour < @hour", new { hour = UsageQuery.HourText(before) });
            await session.ExecuteAsync("DELETE FROM tai_budget_periods WHERE updated_at < @before", new { before });
        },
        cancellation);

    private static async Task<(IReadOnlyList<UsageRow> Rows, long Total, UsageRow Totals)> QueryAsync(
        DatabaseSession session, UsageQuery query)
    {
        var parameters = new Dapper.DynamicParameters(query.Parameters());
        var rows = await session.QueryAsync<UsageRow>(Rows, parameters);
        var total = await session.ScalarAsync<long>(Count, parameters);
        var totals = (await session.QueryAsync<UsageRow>(Totals, parameters))[0];
        foreach (var cost in await session.QueryAsync<UsageRow>(CostsOfAll, parameters)) totals.Add(cost);
        if (rows.Count == 0) return (rows, total, totals);
        parameters.Add("first", rows[^1].Bucket);
        parameters.Add("last", rows[0].Bucket);
        var byKey = rows.ToDictionary(row => row.Key);
        foreach (var cost in await session.QueryAsync<UsageRow>(Costs, parameters))
        {
            if (byKey.TryGetValue(cost.Key, out var row)) row.Add(cost);
        }

        return (rows, total, totals);
    }
}

/// <summary>What a group has used; an empty text is none, or what it is not grouped by.</summary>
internal sealed record UsageRow
{
    public string Bucket { get; init; } = "";

    public string Tenant { get; init; } = "";

    public string KeyId { get; init; } = "";

    public string Model { get; init; } = "";

    public string Version { get; init; } = "";

    public string Route { get; init; } = "";

    public long Calls { get; init; }

    public long CachedCalls { get; init; }

    public long InputTokens { get; init; }

    public long OutputTokens { get; init; }

    public string Currency { get; init; } = "";

    public long Cost { get; init; }

    public List<CostAnswer> Costs { get; } = [];

    public (string, string, string, string, string, string) Key => (Bucket, Tenant, KeyId, Model, Version, Route);

    public void Add(UsageRow cost) => Costs.Add(new CostAnswer(CostAmounts.ToMoney(cost.Cost), cost.Currency));
}
