using Taishang.Core.Api;
using Taishang.Core.Data;
using Taishang.Core.Tasks;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Tasks.Model;

/// <summary>
/// Every order of four tasks with a unique key and dependencies, for each rule of what a parent's failure does; then
/// the same model beside the real queue.
/// </summary>
public sealed class TieModelTests
{
    public static TheoryData<string> Rules => new(ParentFailure.Cancel, ParentFailure.Park, ParentFailure.Run);

    [Theory, MemberData(nameof(Rules))]
    public void Every_order_of_tied_tasks_keeps_what_the_queue_promises(string rule)
    {
        var (reached, broken) = Explore(new TieModel(rule));

        Assert.True(broken is null, broken);
        Assert.True(reached > 500, $"{reached} states");
        TestContext.Current.TestOutputHelper?.WriteLine($"{reached} states");
    }

    [Theory]
    [InlineData(TieFlaw.KeysAreKept)]
    [InlineData(TieFlaw.KeysAreNotTakenAgain)]
    [InlineData(TieFlaw.WaitsAreNotCounted)]
    [InlineData(TieFlaw.ClaimsDoNotAskForWaits)]
    [InlineData(TieFlaw.FailuresStayWithTheParent)]
    [InlineData(TieFlaw.FailuresStopAtTheChild)]
    [InlineData(TieFlaw.LateChildrenDoNotAsk)]
    [InlineData(TieFlaw.StartsDoNotWait)]
    internal void Ties_with_a_flaw_are_found_out(TieFlaw flaw) => Assert.Contains(
        Rules, rule => Explore(new TieModel(rule.Data, flaw)).Broken is not null);

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task The_queue_ties_tasks_as_the_model_does(Dialect dialect)
    {
        const int seed = 20261126;
        var walks = (dialect == Dialect.Sqlite ? 40 : 15) * (IsLong ? 20 : 1);
        var random = new Random(seed);
        await using var world = await TaskWorld.FrozenAsync(dialect, options => options.Default.MaxAttempts = 1);
        var tried = new HashSet<(string Rule, TiesState, Tie, int)>();
        for (var walk = 0; walk < walks; walk++)
        {
            var rule = ParentFailure.Words[walk % 3];
            var run = new TieRun(world, new TieModel(rule), walk);
            for (var i = 0; i < 30; i++)
            {
                var choices = run.Model.Deeds(run.State).Where(one => one.Deed != Tie.Claim).ToList();
                if (run.Model.Deeds(run.State).Any(one => one.Deed == Tie.Claim)) choices.Add((Tie.Claim, -1));
                if (choices.Count == 0) break;
                var fresh = choices.Where(one => !tried.Contains((rule, run.State, one.Deed, one.Task))).ToList();
                var from = fresh.Count > 0 ? fresh : choices;
                var (deed, task) = from[random.Next(from.Count)];
                tried.Add((rule, run.State, deed, task));
                var before = run.State;
                await run.DoAsync(deed, task);
                var real = await run.ReadAsync();
                Assert.True(
                    real.Equals(run.State),
                    $"seed {seed}, walk {walk} ({rule}), step {i}: {before}, {deed} {task}: model {run.State}, "
                    + $"rows {real}");
            }

            await run.EndAsync();
        }

        Assert.True(tried.Count > walks * 8, $"{tried.Count} pairs of state and deed");
    }

    private static bool IsLong => Environment.GetEnvironmentVariable("TAISHANG_LONG_TESTS") == "1";

    private static (int Reached, string? Broken) Explore(TieModel model)
    {
        var from = new Dictionary<TiesState, (TiesState Before, Tie Deed, int Task)?> { [TieModel.Begin] = null };
        var next = new Queue<TiesState>([TieModel.Begin]);
        while (next.TryDequeue(out var state))
        {
            foreach (var (deed, task) in model.Deeds(state))
            {
                var after = model.Do(state, deed, task);
                if (Broken(model, state, deed, task, after) is { } why)
                    return (from.Count, $"{why}: {Way(from, state)}, {deed} {task}: {after}");
                if (from.TryAdd(after, (state, deed, task))) next.Enqueue(after);
            }
        }

        // Nobody waits for ever: what is queued waits for live ones, and these lead up to one that may be claimed.
        foreach (var state in from.Keys)
        {
            var queued = state.Tasks.Any(task => task.Task == TaskState.Queued);
            var moves = model.Deeds(state).Any(one => one.Deed is Tie.Claim or Tie.Complete or Tie.Start);
            if (queued && !moves) return (from.Count, $"all wait: {Way(from, state)}: {state}");
        }

        return (from.Count, null);
    }

    private static string? Broken(TieModel model, TiesState before, Tie deed, int task, TiesState after)
    {
        var keyed = Enumerable.Range(0, model.Tasks.Count)
            .Where(i => model.Tasks[i].Key is not null && TieModel.IsLive(after.Tasks[i].Task)).ToList();
        if (keyed.Count > 1) return "two live tasks have one key";
        if (after.Holder != (keyed.Count == 1 ? keyed[0] : -1)) return "the key is not the live task's";
        for (var i = 0; i < model.Tasks.Count; i++)
        {
            var live = model.Tasks[i].Parents.Count(parent => TieModel.IsLive(after.Tasks[parent].Task));
            // A parent that is retried while its child waits no longer holds the child up: it was let go once.
            var retried = before.Tasks[i].Task == TaskState.Queued
                && (deed == Tie.Retry || before.Tasks[i].Waits < CountLive(model, before, i));
            if (after.Tasks[i].Task == TaskState.Queued && after.Tasks[i].Waits > live)
                return $"task {i} waits for what has ended";
            if (after.Tasks[i].Task == TaskState.Queued && after.Tasks[i].Waits < live && !retried)
                return $"task {i} does not wait for what is live";
            if (after.Tasks[i].Task != TaskState.Queued && after.Tasks[i].Waits != 0)
                return $"task {i} waits and is not queued";
        }

        if (deed == Tie.Claim && before.Tasks[task].Waits > 0) return $"task {task} ran before its parents ended";
        return BrokenByFailure(model, before, deed, task, after);
    }

    /// <summary>Who waited for one that failed does by its rule, and so do those that waited for that.</summary>
    private static string? BrokenByFailure(TieModel model, TiesState before, Tie deed, int task, TiesState after)
    {
        for (var i = 0; i < model.Tasks.Count; i++)
        {
            var (was, now) = (before.Tasks[i], after.Tasks[i]);
            var waited = was.Task is TaskState.Queued or TaskState.Parked;
            var failed = model.Tasks[i].Parents.Any(parent =>
                (was.Edges & (1 << parent)) != 0 && after.Tasks[parent].Task is TaskState.Failed or TaskState.Cancelled
                && TieModel.IsLive(before.Tasks[parent].Task));
            var late = deed == Tie.Create && task == i && was.Task is null && now.Task is not null
                && model.Tasks[i].Parents.Any(parent =>
                    before.Tasks[parent].Task is TaskState.Failed or TaskState.Cancelled);
            if (!(failed && waited) && !late) continue;
            var rule = model.Tasks[i].Rule;
            if (rule == ParentFailure.Cancel && now.Task != TaskState.Cancelled)
                return $"task {i} outlived a parent that failed";
            if (rule == ParentFailure.Park && now.Task != TaskState.Parked)
                return $"task {i} was not parked after a parent failed";
            if (rule == ParentFailure.Run && now.Task != (was.Task ?? TaskState.Queued))
                return $"task {i} was to run all the same";
        }

        return null;
    }

    private static int CountLive(TieModel model, TiesState state, int task) =>
        model.Tasks[task].Parents.Count(parent => TieModel.IsLive(state.Tasks[parent].Task));

    private static string Way(
        Dictionary<TiesState, (TiesState Before, Tie Deed, int Task)?> from, TiesState state)
    {
        var steps = new List<string>();
        while (from[state] is { } way)
        {
            steps.Add($"{way.Deed} {way.Task}");
            state = way.Before;
        }

        steps.Reverse();
        return string.Join(", ", steps);
    }
}
