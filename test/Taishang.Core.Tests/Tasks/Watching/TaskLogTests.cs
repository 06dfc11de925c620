using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Taishang.Core.Api;
using Taishang.Core.Data;
using Taishang.Core.Tasks;
using Taishang.Core.Tasks.Watching;
using Taishang.Executors;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Tasks.Watching;

/// <summary>What an executor reports while it runs: progress, cost, log.</summary>
public sealed class TaskLogTests
{
    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Progress_cost_and_log_can_be_read_while_a_task_runs(Dialect dialect)
    {
        await using var world = await TaskWorld.LiveAsync(dialect, options => options.ProgressIntervalMs = 20);
        var go = new TaskCompletionSource();
        await world.AddNode(new TestExecutor("index", async (context, cancellation) =>
        {
            context.Log(TaskLogLevel.Info, "began");
            await Task.Delay(2, cancellation);
            context.ReportProgress(30);
            context.AddCost(7, 9);
            await go.Task.WaitAsync(cancellation);
            context.Log(TaskLogLevel.Warning, "nearly");
            return null;
        })).StartAsync();
        var task = await world.AddAsync();

        var seen = await world.WaitAsync(task.Id, one => one.Progress == 30);

        Assert.Equal((7, 9), (seen.CostTokens, seen.CostAiMs));
        Assert.True(seen.ProgressRate > 0);
        Assert.NotNull(seen.ProgressAt);
        Assert.True(TaskView.Of(seen).TimeLeftMs > 0);
        while ((await LinesAsync(world, task.Id)).Length == 0) await Task.Yield();
        go.SetResult();
        var ended = await world.WaitEndAsync(task.Id);
        Assert.Null(ended.ProgressRate);
        Assert.Equal(["info began", "warning nearly"], await LinesAsync(world, task.Id));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_log_keeps_its_newest_lines_over_attempts_and_the_error_that_ended_each(Dialect dialect)
    {
        await using var world = await TaskWorld.LiveAsync(dialect, options => options.LogLinesMax = 5);
        await world.AddNode(new TestExecutor("index", (context, _) =>
        {
            for (var i = 0; i < 3; i++) context.Log(TaskLogLevel.Debug, $"line {i} of {context.Attempt}\0");
            throw new TaskFailedException("no luck", retriable: true);
        })).StartAsync();
        var task = await world.AddAsync(one => one with { MaxAttempts = 2 });

        await world.WaitEndAsync(task.Id);

        Assert.Equal(
            ["error no luck", "debug line 0 of 2 ", "debug line 1 of 2 ", "debug line 2 of 2 ", "error no luck"],
            await LinesAsync(world, task.Id));
        var (errors, total) = await world.Node.Get<TaskLogStore>().ReadAsync(
            task.Id, Query("error", new ListSort("created_at", Descending: true)), default);
        Assert.Equal(2, total);
        Assert.Equal([2, 1], errors.Select(line => line.Attempt));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_late_worker_writes_no_line(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var task = await world.AddAsync();
        var late = await world.Node.ClaimOneAsync();
        world.Data.FakeTime.Advance(TimeSpan.FromMinutes(1));
        await world.Node.RescueAsync();

        var written = await world.Node.Queue.SaveAsync(
            [new AttemptProgress(late, 50, new TaskCost(0, 0), null) { Logs = [Line(1)] }], default);

        Assert.Equal([false], written);
        Assert.Empty(await LinesAsync(world, task.Id));
        Assert.False(await world.Node.SettleAsync(new Settlement(late, AttemptEnd.Completed) { Logs = [Line(1)] }));
        Assert.Empty(await LinesAsync(world, task.Id));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_line_that_is_written_again_is_there_once(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var task = await world.AddAsync();
        var other = await world.AddAsync();
        var claims = await world.Node.ClaimAsync();
        for (var i = 0; i < 2; i++)
        {
            Assert.Equal([true, true], await world.Node.Queue.SaveAsync(
                [.. claims.Select(claim => new AttemptProgress(claim, i, new TaskCost(0, 0), null)
                {
                    Logs = [Line(1), Line(2)],
                })],
                default));
        }

        Assert.Equal(2, (await LinesAsync(world, task.Id)).Length);
        Assert.Equal(2, (await LinesAsync(world, other.Id)).Length);
        await world.Node.SettleAsync(new Settlement(claims[0], AttemptEnd.Completed));
        await world.Node.Verbs.DeleteAsync(claims[0].Task.Id, default);
        Assert.Equal(0, await world.Data.Database.ReadAsync(
            session => session.ScalarAsync<long>(
                "SELECT count(*) FROM tai_task_logs_202611 WHERE task_id = @Id", new { claims[0].Task.Id }),
            default));
    }

    [Fact]
    public void Lines_that_come_faster_than_they_are_written_are_dropped_and_counted()
    {
        var buffer = new TaskLogBuffer(1, 3, new FakeTimeProvider());
        for (var i = 0; i < 1_000; i++) buffer.Add(TaskLogLevel.Info, $"{i}");

        var first = buffer.Waiting();
        Assert.Equal(TaskLogBuffer.WaitingMax, first.Count);
        Assert.StartsWith("745 lines were dropped", first[^1].Message, StringComparison.Ordinal);
        buffer.Written(first);
        buffer.Add(TaskLogLevel.Info, new string('x', 5_000));
        var second = Assert.Single(buffer.Waiting());
        Assert.Equal(TaskLogBuffer.MessageCharactersMax, second.Message.Length);
        Assert.True(second.Seq > first[^1].Seq);
    }

    private static TaskLogLine Line(long seq) => new()
    {
        Seq = seq,
        Level = "info",
        Message = "late",
        CreatedAt = DateTimeOffset.UnixEpoch,
    };

    private static ListQuery Query(string? level = null, ListSort? sort = null) =>
        new(1, 200, sort, new[] { level }.OfType<string>().ToDictionary(_ => "level"));

    private static async Task<string[]> LinesAsync(TaskWorld world, string id)
    {
        var (lines, total) = await world.Node.Get<TaskLogStore>().ReadAsync(id, Query(), default);
        Assert.Equal(lines.Count, total);
        return [.. lines.Select(line => $"{line.Level} {line.Message}")];
    }
}
