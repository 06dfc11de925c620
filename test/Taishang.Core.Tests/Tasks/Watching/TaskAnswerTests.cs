using Taishang.Core.Api;
using Taishang.Core.Data;
using Taishang.Core.Tasks;
using Taishang.Core.Tasks.Watching;
using Taishang.Executors;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Tasks.Watching;

/// <summary>What a task found, answer by answer.</summary>
public sealed class TaskAnswerTests
{
    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Answers_are_written_with_their_checkpoint_and_again_over_what_stood_there(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var task = await world.AddAsync();
        var attempt = new TaskAttempt(await world.Node.ClaimOneAsync(), world.Node.Queue, 0, world.Data.Time);
        await attempt.SaveCheckpointAsync("{}", [new(0, """{"n":0}"""), new(1, """{"n":1}""")], default);
        await attempt.SaveCheckpointAsync("{}", [new(1, """{"n":"é中"}"""), new(2, """{"n":2}""")], default);

        Assert.Equal(["""0 {"n":0}""", """1 {"n":"é中"}""", """2 {"n":2}"""], await AnswersAsync(world, task.Id));
        Assert.Equal(["""2 {"n":2}"""], await AnswersAsync(world, task.Id, new ListSort("number", true), size: 1));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_late_worker_writes_no_answer(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var task = await world.AddAsync();
        var late = new TaskAttempt(await world.Node.ClaimOneAsync(), world.Node.Queue, 0, world.Data.Time);
        world.Data.FakeTime.Advance(TimeSpan.FromMinutes(1));
        await world.Node.RescueAsync();

        await Assert.ThrowsAsync<OperationCanceledException>(
            () => late.SaveCheckpointAsync("{}", [new(0, "{}")], default));

        Assert.Empty(await AnswersAsync(world, task.Id));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_changed_payload_takes_the_checkpoint_and_the_answers_of_the_old_one_away(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var task = await world.AddAsync();
        var claim = await world.Node.ClaimOneAsync();
        var attempt = new TaskAttempt(claim, world.Node.Queue, 0, world.Data.Time);
        attempt.ReportProgress(40);
        await attempt.SaveCheckpointAsync("""{"next":4}""", [new(0, "{}")], default);
        await world.Node.DoAsync(task.Id, TaskVerb.Stop);
        await world.Node.SettleAsync(new Settlement(claim, AttemptEnd.LetGo) { Progress = 40 });

        await world.Node.Verbs.UpdateAsync(
            task.Id, new TaskChange(9, null, """{"collection":"points"}""", null), "test", default);
        var same = await world.GetAsync(task.Id);
        await world.Node.Verbs.UpdateAsync(
            task.Id, new TaskChange(null, null, """{"collection":"other"}""", null), "test", default);
        var other = await world.GetAsync(task.Id);

        Assert.Equal(("""{"next":4}""", 40), (same.Checkpoint, same.Progress));
        Assert.Equal((null, 0), (other.Checkpoint, other.Progress));
        Assert.Empty(await AnswersAsync(world, task.Id));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Answers_go_with_their_task_and_are_made_room_for_in_months_that_lack_it(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        await world.Data.Database.WriteAsync(
            session => session.ExecuteAsync("DROP TABLE tai_task_answers_202611"), default);
        await world.Data.Tables.RefreshAsync(default);
        await world.Data.Tables.EnsureAheadAsync(default);
        var task = await world.AddAsync();
        var claim = await world.Node.ClaimOneAsync();
        await new TaskAttempt(claim, world.Node.Queue, 0, world.Data.Time)
            .SaveCheckpointAsync("{}", [new(0, "{}")], default);
        await world.Node.SettleAsync(new Settlement(claim, AttemptEnd.Completed));

        await world.Node.Verbs.DeleteAsync(task.Id, default);

        Assert.Equal(0, await world.Data.Database.ReadAsync(
            session => session.ScalarAsync<long>("SELECT count(*) FROM tai_task_answers_202611"), default));
    }

    [Fact]
    public void What_passes_a_limit_is_refused_for_good()
    {
        AssertRefused("number is 0 to 9999", new TaskAnswer(TaskAnswer.CountMax, "{}"));
        AssertRefused("number is 0 to 9999", new TaskAnswer(-1, "{}"));
        AssertRefused("came twice", new TaskAnswer(1, "{}"), new TaskAnswer(1, "{}"));
        AssertRefused("at most 65536", new TaskAnswer(1, new string(' ', TaskAnswer.CharactersMax + 1)));
        AssertRefused("is not JSON", new TaskAnswer(1, "{"));
        AssertRefused("no JSON object", new TaskAnswer(1, "[]"));
    }

    private static void AssertRefused(string message, params TaskAnswer[] answers)
    {
        var error = Assert.Throws<TaskFailedException>(() => TaskAnswerStore.Check(answers));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.False(error.Retriable);
    }

    private static async Task<string[]> AnswersAsync(TaskWorld world, string id, ListSort? sort = null, int size = 100)
    {
        var query = new ListQuery(1, size, sort, new Dictionary<string, string>());
        var (answers, _) = await world.Node.Get<TaskAnswerStore>().ReadAsync(id, query, default);
        return [.. answers.Select(answer => $"{answer.Number} {answer.Answer.GetRawText()}")];
    }
}
