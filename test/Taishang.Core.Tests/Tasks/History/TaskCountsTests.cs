using Taishang.Core.Data;
using Taishang.Core.Tasks;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Tasks.History;

/// <summary>Counts and labels are what the tasks are, whoever wrote them and whatever happened to them.</summary>
public sealed class TaskCountsTests
{
    private const string Differing = """
        SELECT count(*) FROM (
            SELECT status, type, priority, sum(n) AS n FROM (
                SELECT status, type, priority, count AS n FROM tai_task_counts_{month}
                UNION ALL SELECT status, type, priority, -1 FROM tai_tasks_{month}) AS both_sides
            GROUP BY status, type, priority HAVING sum(n) <> 0) AS differing
        """;

    private const string Labels = """
        SELECT task_id || ' ' || label_key || ' ' || label_value FROM tai_task_labels_{month} ORDER BY 1
        """;

    private const string SqliteLabels = """
        SELECT t.id || ' ' || l.key || ' ' || l.value FROM tai_tasks_{month} t, json_each(t.labels) l ORDER BY 1
        """;

    private const string PostgreSqlLabels = """
        SELECT t.id || ' ' || l.key || ' ' || l.value
        FROM tai_tasks_{month} t CROSS JOIN LATERAL json_each_text(t.labels::json) l ORDER BY 1
        """;

    private static readonly Month November = new(2026, 11);

    private static readonly TaskVerb[] Verbs = [TaskVerb.Start, TaskVerb.Stop, TaskVerb.Cancel, TaskVerb.Retry];

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Counts_and_labels_follow_whatever_many_clients_do(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        await Task.WhenAll(Enumerable.Range(0, 6).Select(seed => ClientAsync(world, new Random(seed))));

        await CheckAsync(world);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Summing_counts_up_changes_no_total_that_anybody_sees(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        for (var i = 0; i < 210; i++) await world.AddAsync();
        using var done = new CancellationTokenSource();
        var seen = Task.Run(async () =>
        {
            var totals = new HashSet<long>();
            do totals.Add((await world.Node.List.ReadAsync(new(), "created_at", true, (0, 1), default)).Total);
            while (!done.IsCancellationRequested);
            return totals;
        });
        var folds = world.Node.Get<TaskCountsWorker>();
        var folded = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => folds.FoldAsync(default)));
        await done.CancelAsync();

        Assert.Equal([210], await seen);
        if (dialect == Dialect.PostgreSql) Assert.Contains(1, folded);
        Assert.Equal(1, await world.Data.Database.ReadAsync(
            session => session.ScalarAsync<long>(
                MonthlyTable.Sql("SELECT count(*) FROM tai_task_counts_{month}", November)),
            default));
        await CheckAsync(world);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_list_and_its_total_are_of_one_moment(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var task = await world.AddAsync();
        using var done = new CancellationTokenSource();
        var moving = Task.Run(async () =>
        {
            // From lane to lane: whoever counted it in one and looks for it there later finds nothing.
            for (var i = 0; !done.IsCancellationRequested; i++)
            {
                await world.Node.Verbs.UpdateAsync(
                    task.Id, new TaskChange(i % 10, null, null, null), "t", CancellationToken.None);
            }
        });

        for (var look = 0; look < 150; look++)
        {
            var (tasks, total) = await world.Node.List.ReadAsync(
                new TaskFilter { Type = "index" }, "priority", true, (0, 5), default);
            Assert.Equal((1, 1), (tasks.Count, total));
        }

        await done.CancelAsync();
        await moving;
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_month_of_an_earlier_version_is_counted_and_labelled_while_it_is_written(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        for (var i = 0; i < 40; i++) await world.AddAsync(task => task with { LabelsJson = $$"""{"n":"{{i}}"}""" });
        await AgedMonth.MakeAsync(world.Data);
        var old = await world.AddAsync(task => task with { LabelsJson = """{"n":"old"}""" });
        using var done = new CancellationTokenSource();
        var writing = Task.Run(async () =>
        {
            do await world.AddAsync(task => task with { LabelsJson = """{"n":"new"}""" });
            while (!done.IsCancellationRequested);
        });

        // A file has one process.
        var doors = dialect == Dialect.Sqlite
            ? [world.Data.Database]
            : Enumerable.Range(0, 3).Select(_ => world.Data.OpenAnother()).ToArray();
        await Task.WhenAll(doors.Select(door => AgedMonth.CountAsync(world.Data, door)));
        await done.CancelAsync();
        await writing;

        await CheckAsync(world);
        var tables = new MonthlyTables(world.Data.Database, world.Data.Time);
        await tables.RefreshAsync(default);
        Assert.True(tables.IsCounted(November));
        var (found, _) = await world.Node.List.ReadAsync(
            new TaskFilter { LabelKey = "n", LabelValue = "old" }, "created_at", true, (0, 5), default);
        Assert.Equal(old.Id, Assert.Single(found).Id);
        Assert.Equal(5, await IndexesAsync(world));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_month_that_is_not_counted_yet_is_said_to_be_busy_and_never_listed_wrong(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        await world.AddAsync();
        await AgedMonth.MakeAsync(world.Data);
        var tables = new MonthlyTables(world.Data.OpenAnother(), world.Data.Time);
        await tables.RefreshAsync(default);

        var busy = await Assert.ThrowsAsync<Taishang.Core.Api.ApiException>(() =>
            new TaskList(world.Data.Database, tables).ReadAsync(new(), "created_at", true, (0, 1), default));

        Assert.Equal(503, busy.Code.HttpStatus);
        Assert.NotNull(busy.RetryAfter);
    }

    private static Task<long> IndexesAsync(TaskWorld world) => world.Data.Database.ReadAsync(
        session => session.ScalarAsync<long>(session.Dialect == Dialect.Sqlite
            ? "SELECT count(*) FROM sqlite_master WHERE type = 'index' AND tbl_name = 'tai_tasks_202611' "
                + "AND name IN ('ix_tai_tasks_202611_lane', 'ix_tai_tasks_202611_updated', "
                + "'ix_tai_tasks_202611_children')"
                + " OR type = 'trigger' AND name IN ('tai_tasks_202611_put', 'tai_tasks_202611_made')"
            : "SELECT (SELECT count(*) FROM pg_indexes WHERE indexname ~ '^ix_tai_tasks_202611_') + "
                + "(SELECT count(*) FROM pg_trigger WHERE tgname ~ '^tai_tasks_202611_(put|made)$')"),
        default);

    private static async Task ClientAsync(TaskWorld world, Random random)
    {
        var node = world.Node;
        var mine = new List<string>();
        for (var step = 0; step < 60; step++)
        {
            if (mine.Count < 4 || random.Next(3) == 0)
            {
                mine.Add((await world.AddAsync(task => task with
                {
                    Priority = random.Next(10),
                    LabelsJson = random.Next(2) == 0 ? null : $$"""{"team":"t{{random.Next(3)}}","a\"b":"c\\d"}""",
                })).Id);
                continue;
            }

            var id = mine[random.Next(mine.Count)];
            try
            {
                await StepAsync(node, random, id);
            }
            catch (Taishang.Core.Api.ApiException)
            {
                // The state does not allow it.
            }
        }
    }

    private static async Task StepAsync(TaskNode node, Random random, string id)
    {
        switch (random.Next(7))
        {
            case 0:
                await node.DoAsync(id, Verbs[random.Next(Verbs.Length)]);
                break;
            case 1:
                await node.Verbs.UpdateAsync(id, new TaskChange(random.Next(10), null, null, null), "t", default);
                break;
            case 2:
                await node.Verbs.UpdateAsync(
                    id, new TaskChange(null, null, null, $$"""{"team":"t{{random.Next(3)}}"}"""), "t", default);
                break;
            case 3:
                await node.Verbs.DeleteAsync(id, default);
                break;
            default:
                foreach (var claim in await node.ClaimAsync("w1", 2))
                {
                    var end = random.Next(3) == 0 ? AttemptEnd.Failed : AttemptEnd.Completed;
                    var retriable = random.Next(2) == 0;
                    await node.SettleAsync(new Settlement(claim, end) { Error = "no", Retriable = retriable });
                }

                break;
        }
    }

    private static async Task CheckAsync(TaskWorld world)
    {
        var (differing, kept, real) = await world.Data.Database.ReadAsync(
            async session => (
                await session.ScalarAsync<long>(MonthlyTable.Sql(Differing, November)),
                await session.QueryAsync<string>(MonthlyTable.Sql(Labels, November)),
                await session.QueryAsync<string>(MonthlyTable.Sql(
                    session.Dialect == Dialect.Sqlite ? SqliteLabels : PostgreSqlLabels, November))),
            default);
        Assert.Equal(0, differing);
        Assert.Equal(real, kept);
        var (_, total) = await world.Node.List.ReadAsync(new(), "created_at", true, (0, 1), default);
        Assert.Equal(total, await world.Data.Database.ReadAsync(
            session => session.ScalarAsync<long>(MonthlyTable.Sql("SELECT count(*) FROM tai_tasks_{month}", November)),
            default));
    }
}
