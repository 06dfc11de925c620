using Taishang.Core.Data;
using Taishang.Core.Tasks;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Tasks;

/// <summary>A claim costs the same however many tasks wait, shown by the databases' own plans.</summary>
public sealed class ClaimPlanTests
{
    private const int Waiting = 3_000;

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_claim_reads_the_queue_in_its_order_and_sorts_nothing(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var task = new NewTask("index", """{"collection":"points"}""");
        await world.Data.Database.WriteAsync(
            session => world.Node.Store.CreateAsync(session, [.. Enumerable.Repeat(task, Waiting)]), default);

        var plan = await world.Data.Database.WriteAsync(session => PlanAsync(session), default);

        Assert.Contains("ix_tai_task_queue_rank", plan, StringComparison.Ordinal);
        Assert.DoesNotContain("ix_tai_task_queue_lane", plan, StringComparison.Ordinal);
        Assert.DoesNotContain("ORDER BY", plan, StringComparison.Ordinal);
        Assert.DoesNotContain("Sort", plan, StringComparison.Ordinal);
    }

    private static async Task<string> PlanAsync(DatabaseSession session)
    {
        string[] types = ["index", "embedding"];
        var claim = new { workerId = "w1", types, max = 10, leaseMs = 1_000L };
        if (session.Dialect == Dialect.Sqlite)
        {
            var steps = await session.QueryAsync<PlanStep>("EXPLAIN QUERY PLAN " + TaskQueue.SqliteClaim, claim);
            return string.Join('\n', steps.Select(step => step.Detail));
        }

        var explained = TaskQueue.PostgreSqlClaim.Replace("WITH ", "EXPLAIN WITH ", StringComparison.Ordinal);
        return string.Join('\n', await session.QueryAsync<string>(explained, claim));
    }

    private sealed class PlanStep
    {
        public required string Detail { get; init; }
    }
}
