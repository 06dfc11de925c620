using System.Text.Json;
using Taishang.Core.Api;
using Taishang.Core.Data;
using Taishang.Core.Tasks;
using Taishang.Core.Tasks.Schedules;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Tasks.Schedules;

/// <summary>Schedules in a database whose clock only the test moves; it begins at 08:00 UTC.</summary>
public sealed class ScheduleTests
{
    private static readonly ScheduleCreateRequest Hourly = new()
    {
        Name = "hourly",
        Cron = "0 * * * *",
        Type = "index",
        Payload = JsonSerializer.SerializeToElement(new { collection = "points" }),
        Labels = new Dictionary<string, string> { ["team"] = "search" },
        Priority = 7,
    };

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_schedule_makes_a_task_at_each_of_its_times(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var schedule = await AddAsync(world, Hourly);
        await FireAsync(world.Node);
        Assert.Empty(await world.Node.ClaimAsync());

        for (var hour = 9; hour < 12; hour++)
        {
            world.Data.FakeTime.Advance(TimeSpan.FromHours(1));
            await FireAsync(world.Node);
            await FireAsync(world.Node);
            var task = (await world.Node.ClaimOneAsync()).Task;
            Assert.Equal((schedule.Id, 7), (task.ScheduleId, task.Priority));
            using var labels = JsonDocument.Parse(task.Labels);
            Assert.Equal("search", labels.RootElement.GetProperty("team").GetString());
            Assert.Equal(
                $"2026-11-22T{hour:00}:00:00Z", labels.RootElement.GetProperty("scheduled_at").GetString());
            var row = await GetAsync(world, schedule.Id);
            Assert.Equal((task.Id, world.Data.Time.GetUtcNow()), (row.LastTaskId, row.LastRunAt));
        }
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task No_time_fires_twice_though_many_believe_to_lead(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect, options => options.OnlyProcess = true);
        await AddAsync(world, Hourly);
        var nodes = Enumerable.Range(0, 5).Select(_ => world.AddNode(new TestExecutor("index"))).ToList();
        for (var round = 0; round < 5; round++)
        {
            world.Data.FakeTime.Advance(TimeSpan.FromHours(1));
            await Task.WhenAll(nodes.Select(FireAsync));
            Assert.Single(await world.Node.ClaimAsync());
        }
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task What_was_seen_due_and_then_paused_deleted_or_fired_is_not_fired(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        foreach (var name in new[] { "paused", "deleted", "fired" })
        {
            await AddAsync(world, Hourly with { Name = name });
        }

        world.Data.FakeTime.Advance(TimeSpan.FromHours(1));
        var store = world.Node.Get<ScheduleStore>();
        var due = (await store.DueAsync(10, default)).ToDictionary(row => row.Name);
        await PauseAsync(world, due["paused"].Id, true);
        await store.DeleteAsync(due["deleted"].Id, default);
        var worker = world.Node.Get<ScheduleWorker>();
        foreach (var row in due.Values) Assert.True(await worker.FireAsync(row, default));
        Assert.True(await worker.FireAsync(due["fired"], default));

        Assert.Equal(due["fired"].Id, Assert.Single(await world.Node.ClaimAsync()).Task.ScheduleId);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Missed_times_follow_the_rule_of_the_schedule(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        foreach (var rule in MissedRule.Words) await AddAsync(world, Hourly with { Name = rule, Missed = rule });
        world.Data.FakeTime.Advance(TimeSpan.FromMinutes(5 * 60 + 30));

        await FireAsync(world.Node);

        var made = (await world.Node.ClaimAsync()).Select(claim => claim.Task.ScheduleId).ToList();
        var rows = (await ListAsync(world)).ToDictionary(row => row.Name);
        Assert.Equal(
            (0, 1, 5),
            (made.Count(id => id == rows["skip"].Id), made.Count(id => id == rows["once"].Id),
                made.Count(id => id == rows["all"].Id)));
        Assert.Equal((5, 4, 0), (rows["skip"].Skipped, rows["once"].Skipped, rows["all"].Skipped));
        Assert.All(rows.Values, row => Assert.Equal(
            new DateTimeOffset(2026, 11, 22, 14, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds(), row.NextRunMs));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_paused_schedule_is_silent_and_makes_up_for_nothing_when_it_goes_on(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var schedule = await AddAsync(world, Hourly with { Missed = MissedRule.All });
        await PauseAsync(world, schedule.Id, true);
        world.Data.FakeTime.Advance(TimeSpan.FromHours(3.5));
        await FireAsync(world.Node);
        await PauseAsync(world, schedule.Id, false);
        await FireAsync(world.Node);
        Assert.Empty(await world.Node.ClaimAsync());

        world.Data.FakeTime.Advance(TimeSpan.FromHours(0.5));
        await FireAsync(world.Node);
        Assert.Single(await world.Node.ClaimAsync());
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task An_overlapping_time_is_skipped_when_the_schedule_says_so(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var schedule = await AddAsync(world, Hourly with { Overlap = OverlapRule.Skip });
        world.Data.FakeTime.Advance(TimeSpan.FromHours(1));
        await FireAsync(world.Node);
        var claim = await world.Node.ClaimOneAsync();
        world.Data.FakeTime.Advance(TimeSpan.FromHours(1));
        await FireAsync(world.Node);
        Assert.Empty(await world.Node.ClaimAsync());
        Assert.Equal(1, (await GetAsync(world, schedule.Id)).Skipped);

        await world.Node.SettleAsync(new Settlement(claim, AttemptEnd.Completed));
        world.Data.FakeTime.Advance(TimeSpan.FromHours(1));
        await FireAsync(world.Node);
        Assert.Single(await world.Node.ClaimAsync());
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_time_that_meets_a_full_queue_stays_due_and_says_why(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect, options => options.QueueMax = 1);
        var schedule = await AddAsync(world, Hourly);
        var full = await world.AddAsync();
        world.Data.FakeTime.Advance(TimeSpan.FromHours(1));
        await FireAsync(world.Node);
        Assert.Contains("limit", (await GetAsync(world, schedule.Id)).LastError, StringComparison.Ordinal);

        await world.Node.DoAsync(full.Id, TaskVerb.Cancel);
        await FireAsync(world.Node);

        Assert.Equal(schedule.Id, (await world.Node.ClaimOneAsync()).Task.ScheduleId);
        Assert.Null((await GetAsync(world, schedule.Id)).LastError);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_schedule_goes_on_in_another_process_after_its_leader_has_died(Dialect dialect)
    {
        await using var world = await TaskWorld.LiveAsync(dialect);
        // A leader that is heard of no more.
        Assert.True(await world.Node.Leadership.HoldAsync(default));
        var fired = new TaskCompletionSource<string>();
        await world.AddNode(new TestExecutor("index", (context, _) =>
        {
            fired.TrySetResult(context.TaskId);
            return Task.FromResult<string?>("{}");
        })).StartAsync();
        var schedule = await AddAsync(world, Hourly with { Cron = "* * * * * *" });

        var task = await world.GetAsync(await fired.Task.WaitAsync(TaskWorld.Patience));

        Assert.Equal(schedule.Id, task.ScheduleId);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_change_of_the_expression_counts_from_now_and_a_taken_name_is_refused(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var schedule = await AddAsync(world, Hourly);
        await AddAsync(world, Hourly with { Name = "other" });
        var store = world.Node.Get<ScheduleStore>();
        var executors = world.Node.Get<TaskExecutors>();
        var changed = await store.ChangeAsync(
            schedule.Id,
            (row, now) => ScheduleRequests.Change(
                row, new ScheduleUpdateRequest { Cron = "0 9 * * *", TimeZone = "Asia/Shanghai" }, executors, now),
            default);
        Assert.Equal(
            new DateTimeOffset(2026, 11, 23, 1, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds(), changed.NextRunMs);
        Assert.Equal("index", (await GetAsync(world, schedule.Id)).Type);

        var taken = await Assert.ThrowsAsync<ApiException>(() => store.ChangeAsync(
            schedule.Id,
            (row, now) => ScheduleRequests.Change(row, new ScheduleUpdateRequest { Name = "other" }, executors, now),
            default));
        Assert.Equal(ErrorCodes.ScheduleExists, taken.Code);
        var again = await Assert.ThrowsAsync<ApiException>(() => AddAsync(world, Hourly with { Name = "other" }));
        Assert.Equal(ErrorCodes.ScheduleExists, again.Code);
    }

    private static async Task<TaskSchedule> AddAsync(TaskWorld world, ScheduleCreateRequest request)
    {
        var now = world.Data.Time.GetUtcNow();
        var row = ScheduleRequests.Make(request, world.Node.Get<TaskExecutors>(), RowId.New(now), now);
        return await world.Node.Get<ScheduleStore>().CreateAsync(row, default);
    }

    private static async Task FireAsync(TaskNode node)
    {
        await node.Leadership.HoldAsync(default);
        await node.Get<ScheduleWorker>().FireAsync(default);
    }

    private static Task PauseAsync(TaskWorld world, string id, bool paused) =>
        world.Node.Get<ScheduleStore>().ChangeAsync(
            id, (row, now) => ScheduleRequests.Pause(row, paused, now), default);

    private static async Task<TaskSchedule> GetAsync(TaskWorld world, string id) =>
        await world.Node.Get<ScheduleStore>().FindAsync(id, default) ?? throw new InvalidOperationException(id);

    private static async Task<IReadOnlyList<TaskSchedule>> ListAsync(TaskWorld world) =>
        (await world.Node.Get<ScheduleStore>().ListAsync(
            new ListQuery(1, 200, null, new Dictionary<string, string>()), null, default)).Rows;
}
