using Taishang.Core.Data;
using Taishang.Core.Tasks;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Tasks;

/// <summary>Claims and ends cost the same however many tasks there are, shown by the databases' plans.</summary>
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

    /// <summary>A plan is kept while the table grows, so it must be right when there is nothing in it yet.</summary>
    [Fact]
    public async Task Plans_made_for_empty_tables_look_rows_up_by_their_keys()
    {
        await using var world = await TaskWorld.FrozenAsync(Dialect.PostgreSql);
        var now = world.Data.Time.GetUtcNow();
        string[] ids = [.. Enumerable.Range(0, 20).Select(i => RowId.New(now, i))];
        long[] fences = [.. ids.Select(_ => 1L)];
        bool[] completed = [.. ids.Select(_ => true)];
        TaskMove[] moves =
        [
            .. ids.Select(id => new TaskMove(id, "claim", TaskState.Queued, TaskState.Running, "w1") { Fence = 1 }),
        ];

        var plans = await world.Data.Database.WriteAsync(
            async session =>
            {
                await session.ExecuteAsync("TRUNCATE tai_task_queue");
                return (string[])
                [
                    await PlanAsync(session, TaskSettling.PostgreSqlHeld, new { ids, fences, completed }),
                    await PlanAsync(
                        session, MonthlyTable.Sql(TaskMoves.PostgreSqlMoveRows, Month.Of(now)),
                        TaskMoves.Arrays(moves, now)),
                ];
            },
            default);

        foreach (var plan in plans)
        {
            Assert.DoesNotContain("Seq Scan", plan, StringComparison.Ordinal);
            Assert.Equal(plan.Split("Index Scan").Length, plan.Split("Index Cond").Length);
            Assert.Contains("_pkey", plan, StringComparison.Ordinal);
        }
    }

    private static async Task<string> PlanAsync(DatabaseSession session, string sql, object parameters) => string.Join(
        '\n',
        await session.QueryAsync<string>(sql.Replace("WITH ", "EXPLAIN WITH ", StringComparison.Ordinal), parameters));

    private static async Task<string> PlanAsync(DatabaseSession session)
    {
        string[] types = ["index", "embedding"];
        var claim = new { workerId = "w1", types, max = 10, leaseMs = 1_000L };
        if (session.Dialect == Dialect.Sqlite)
        {
            var steps = await session.QueryAsync<PlanStep>("EXPLAIN QUERY PLAN " + TaskQueue.SqliteClaim, claim);
            return string.Join('\n', steps.Select(step => step.Detail));
        }

        return await PlanAsync(session, TaskQueue.PostgreSqlClaim, claim);
    }

    private sealed class PlanStep
    {
        public required string Detail { get; init; }
    }
}
