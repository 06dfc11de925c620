using Taishang.Core.Data;

namespace Taishang.Core.Costs;

/// <summary>Rows of tai_usage.</summary>
internal sealed class UsageStore(Database database)
{
    /// <summary>Rows that one sweep deletes.</summary>
    public Task SweepAsync(DateTimeOffset before, CancellationToken cancellation) => database.WriteAsync(
        async session =>
        {
            var hour = CostExchange.HourOf((long)(before - DateTimeOffset.UnixEpoch).TotalHours);
            await session.ExecuteAsync("DELETE FROM tai_usage WHERE hour < @hour", new { hour });
            await session.ExecuteAsync("DELETE FROM tai_budget_periods WHERE updated_at < @before", new { before });
        },
        cancellation);
}
