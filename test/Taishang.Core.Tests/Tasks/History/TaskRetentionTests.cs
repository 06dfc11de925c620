using System.IO.Compression;
using System.Text.Json;
using Taishang.Core.Data;
using Taishang.Core.Tasks;
using Taishang.Core.Tasks.History;
using Taishang.Core.Tasks.Watching;
using Taishang.Executors;
using Taishang.Testing.Databases;
using Taishang.Testing.Processes;

namespace Taishang.Core.Tests.Tasks.History;

public sealed class TaskRetentionTests
{
    private static readonly Month November = new(2026, 11);

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Old_months_go_with_all_that_belongs_to_them_and_newer_ones_stay(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect, options => options.KeepMonths = 2);
        var old = await EndedAsync(world);
        world.Data.FakeTime.Advance(TimeSpan.FromDays(31));
        var kept = await EndedAsync(world);
        Assert.Empty(await ExpireAsync(world));
        world.Data.FakeTime.Advance(TimeSpan.FromDays(31));

        Assert.Equal([November], await ExpireAsync(world));

        Assert.Null(await world.Node.Store.FindAsync(old.Id, default));
        Assert.NotNull(await world.Node.Store.FindAsync(kept.Id, default));
        foreach (var table in MonthlyTable.OfTasks)
            Assert.DoesNotContain(November, world.Data.Tables.Known(table));
        Assert.Empty(await ExpireAsync(world));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_month_stays_while_anything_in_it_lives(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect, options => options.KeepMonths = 1);
        var parked = await world.AddAsync(task => task with { AutoStart = false });
        world.Data.FakeTime.Advance(TimeSpan.FromDays(31));
        Assert.Empty(await ExpireAsync(world));
        await world.Node.DoAsync(parked.Id, TaskVerb.Start);
        Assert.Empty(await ExpireAsync(world));
        var claim = await world.Node.ClaimOneAsync();
        Assert.Empty(await ExpireAsync(world));

        await world.Node.SettleAsync(new Settlement(claim, AttemptEnd.Completed));

        Assert.Equal([November], await ExpireAsync(world));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Nothing_goes_unless_it_was_asked_for(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var task = await EndedAsync(world);
        world.Data.FakeTime.Advance(TimeSpan.FromDays(3_000));
        Assert.Empty(await ExpireAsync(world));
        Assert.NotNull(await world.Node.Store.FindAsync(task.Id, default));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_month_is_written_whole_before_it_goes(Dialect dialect)
    {
        using var folder = new TestFolder();
        await using var world = await TaskWorld.FrozenAsync(dialect, options =>
        {
            options.KeepMonths = 1;
            options.ExportFolder = folder.File("exports");
        });
        var tasks = new List<AiTask>();
        // More than a page, so that pages meet.
        for (var i = 0; i < 520; i++) tasks.Add(await world.AddAsync(task => task with { AutoStart = false }));
        foreach (var task in tasks) await world.Node.DoAsync(task.Id, TaskVerb.Cancel);
        tasks.Add(await EndedAsync(world));
        world.Data.FakeTime.Advance(TimeSpan.FromDays(31));

        Assert.Equal([November], await ExpireAsync(world));

        var written = Assert.Single(Directory.GetFiles(folder.File("exports")));
        Assert.Equal("tai_tasks_202611.jsonl.gz", Path.GetFileName(written));
        await using var file = File.OpenRead(written);
        using var reader = new StreamReader(new GZipStream(file, CompressionMode.Decompress));
        var lines = (await reader.ReadToEndAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        Assert.Equal(
            tasks.Select(task => task.Id).Order(StringComparer.Ordinal),
            lines.Select(line => line.GetProperty("task").GetProperty("id").GetString()));
        var last = lines.Single(line => line.GetProperty("task").GetProperty("id").GetString() == tasks[^1].Id);
        Assert.Equal(
            ["create", "claim", "complete"],
            last.GetProperty("events").EnumerateArray().Select(line => line.GetProperty("verb").GetString()));
        Assert.Equal("done", last.GetProperty("logs")[0].GetProperty("message").GetString());
        Assert.Equal("completed", last.GetProperty("task").GetProperty("status").GetString());
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_month_that_can_not_be_written_does_not_go(Dialect dialect)
    {
        using var folder = new TestFolder();
        // A file stands where the folder should be.
        await File.WriteAllTextAsync(folder.File("exports"), "");
        await using var world = await TaskWorld.FrozenAsync(dialect, options =>
        {
            options.KeepMonths = 1;
            options.ExportFolder = folder.File("exports");
        });
        var task = await EndedAsync(world);
        world.Data.FakeTime.Advance(TimeSpan.FromDays(31));

        await Assert.ThrowsAnyAsync<IOException>(() => ExpireAsync(world));

        Assert.NotNull(await world.Node.Store.FindAsync(task.Id, default));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_process_learns_of_months_that_another_took_away(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect, options => options.KeepMonths = 1);
        var old = await EndedAsync(world);
        world.Data.FakeTime.Advance(TimeSpan.FromDays(31));
        var young = await EndedAsync(world);
        // Knows what there was.
        var tables = new MonthlyTables(world.Data.OpenAnother(), world.Data.Time);
        await tables.RefreshAsync(default);
        var list = new TaskList(world.Data.Database, tables);
        Assert.Equal([November], await ExpireAsync(world));

        var (tasks, total) = await list.ReadAsync(new TaskFilter(), "created_at", true, (0, 20), default);

        Assert.Equal(1, total);
        Assert.Equal(young.Id, Assert.Single(tasks).Id);
        Assert.Null(await world.Node.Store.FindAsync(old.Id, default));
    }

    private static async Task<AiTask> EndedAsync(TaskWorld world)
    {
        var task = await world.AddAsync();
        var claim = await world.Node.ClaimOneAsync();
        var log = new TaskLogBuffer(1, claim.Fence, world.Data.Time);
        log.Add(TaskLogLevel.Info, "done");
        await world.Node.SettleAsync(new Settlement(claim, AttemptEnd.Completed) { Logs = log.Waiting() });
        return task;
    }

    private static Task<IReadOnlyList<Month>> ExpireAsync(TaskWorld world) =>
        world.Node.Get<TaskRetention>().ExpireAsync(default);
}
