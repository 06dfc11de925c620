using Taishang.Core.Data;

namespace Taishang.Core.ServiceCalls;

/// <summary>
/// Statistics worked out by the database. Percentiles are exact by nearest rank: of n durations in order, the p-th
/// percentile is the first whose place times 100 is at least n times p. All of it is whole numbers, so that both
/// databases give the same answer.
/// </summary>
internal sealed class ServiceCallStatsStore(Database database, MonthlyTables tables)
{
    private const string FiguresOver = """
        , ranked AS (
            SELECT group_key, status, duration_us,
                ROW_NUMBER() OVER (PARTITION BY group_key ORDER BY duration_us) AS place,
                COUNT(*) OVER (PARTITION BY group_key) AS size
            FROM calls)
        SELECT group_key,
            COUNT(*) AS count,
            COUNT(CASE WHEN status = 'success' THEN 1 END) AS success,
            COUNT(CASE WHEN status = 'failed' THEN 1 END) AS failed,
            COUNT(CASE WHEN status = 'timeout' THEN 1 END) AS timeout,
            CAST(SUM(duration_us) AS BIGINT) AS total_us,
            MAX(duration_us) AS max_us,
            MIN(CASE WHEN place * 100 >= size * 50 THEN duration_us END) AS p50_us,
            MIN(CASE WHEN place * 100 >= size * 95 THEN duration_us END) AS p95_us,
            MIN(CASE WHEN place * 100 >= size * 99 THEN duration_us END) AS p99_us
        FROM ranked
        GROUP BY group_key
        """;

    /// <param name="bucket">One of the three times.</param>
    /// <param name="extra">Source and status, where asked for.</param>
    public Task<ServiceCallStats> ReadAsync(
        ServiceCallFilter filter, CallGrouping bucket, IReadOnlyCollection<CallGrouping> extra,
        CancellationToken cancellation) =>
        database.ReadAsync(
            async session =>
            {
                var overall = await GroupAsync(session, filter, CallGrouping.None);
                return new ServiceCallStats(
                    filter.From,
                    filter.To,
                    overall.Count > 0 ? overall[0] : new CallFigures { SuccessRate = 1 },
                    await GroupAsync(session, filter, CallGrouping.Method),
                    await GroupAsync(session, filter, CallGrouping.Target),
                    extra.Contains(CallGrouping.Source)
                        ? await GroupAsync(session, filter, CallGrouping.Source)
                        : null,
                    extra.Contains(CallGrouping.Status)
                        ? await GroupAsync(session, filter, CallGrouping.Status)
                        : null,
                    await GroupAsync(session, filter, bucket));
            },
            cancellation);

    private async Task<IReadOnlyList<CallFigures>> GroupAsync(
        DatabaseSession session, ServiceCallFilter filter, CallGrouping grouping)
    {
        var months = tables.Known(MonthlyTable.ServiceCalls).Where(filter.Touches).ToArray();
        if (months.Length == 0) return [];
        var calls = string.Join(" UNION ALL ", months.Select(month =>
            $"SELECT {grouping.Key(session.Dialect)} AS group_key, status, duration_us "
            + $"FROM {MonthlyTable.ServiceCalls.Of(month)} WHERE {filter.Where()}"));
        var rows = await session.QueryAsync<Row>($"WITH calls AS ({calls}){FiguresOver}", filter);
        // The order of text is the database's own affair; this one is the same everywhere.
        return rows.OrderBy(row => row.GroupKey, StringComparer.Ordinal).Select(row => row.Figures(grouping)).ToArray();
    }

    private sealed class Row
    {
        public string GroupKey { get; init; } = "";

        public long Count { get; init; }

        public long Success { get; init; }

        public long Failed { get; init; }

        public long Timeout { get; init; }

        public long TotalUs { get; init; }

        public long MaxUs { get; init; }

        public long P50Us { get; init; }

        public long P95Us { get; init; }

        public long P99Us { get; init; }

        public CallFigures Figures(CallGrouping grouping) => new()
        {
            Method = grouping == CallGrouping.Method ? GroupKey : null,
            TargetService = grouping == CallGrouping.Target ? GroupKey : null,
            SourceService = grouping == CallGrouping.Source ? GroupKey : null,
            Status = grouping == CallGrouping.Status ? GroupKey : null,
            Start = grouping.IsTime ? CallGrouping.BucketStart(GroupKey) : null,
            Count = Count,
            Success = Success,
            Failed = Failed,
            Timeout = Timeout,
            SuccessRate = (double)Success / Count,
            FailureRate = (double)Failed / Count,
            TimeoutRate = (double)Timeout / Count,
            AverageMs = Math.Round(TotalUs / 1000.0 / Count, 6),
            P50Ms = P50Us / 1000.0,
            P95Ms = P95Us / 1000.0,
            P99Ms = P99Us / 1000.0,
            MaxMs = MaxUs / 1000.0,
        };
    }
}
