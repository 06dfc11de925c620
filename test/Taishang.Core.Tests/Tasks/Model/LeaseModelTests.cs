using Taishang.Core.Data;
using Taishang.Core.Tasks;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Tasks.Model;

/// <summary>
/// Every order of events of one task, two workers, four fences, two attempts with a deadline and a retry; then the same
/// model beside
/// the real queue, so that it is the code that was checked and not a picture of it.
/// </summary>
public sealed class LeaseModelTests
{
    [Fact]
    public void Every_order_of_claims_heartbeats_pauses_and_rescues_keeps_what_the_queue_promises()
    {
        var (reached, broken) = Explore(new LeaseModel());

        Assert.True(broken is null, broken);
        // The check is worth what it reached.
        Assert.True(reached > 10_000, $"{reached} states");
        TestContext.Current.TestOutputHelper?.WriteLine($"{reached} states");
    }

    [Theory]
    [InlineData(Flaw.FenceIsNotCompared)]
    [InlineData(Flaw.FenceIsNotRaised)]
    [InlineData(Flaw.RescueIgnoresTheLease)]
    [InlineData(Flaw.WorkerCountsFromTheAnswer)]
    [InlineData(Flaw.RescueOverwritesTheEnd)]
    [InlineData(Flaw.DeadAttemptsStay)]
    [InlineData(Flaw.LateAnswersBegin)]
    [InlineData(Flaw.HungAttemptsStay)]
    [InlineData(Flaw.DeadlineCountsFromTheAnswer)]
    [InlineData(Flaw.DeadlineEndsNothingByItself)]
    internal void A_queue_with_a_flaw_is_found_out(Flaw flaw) => Assert.NotNull(Explore(new LeaseModel(flaw)).Broken);

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task The_queue_does_what_the_model_does(Dialect dialect)
    {
        const int seed = 20261125;
        var steps = (dialect == Dialect.Sqlite ? 1_500 : 500) * (IsLong ? 20 : 1);
        var random = new Random(seed);
        await using var world = await TaskWorld.FrozenAsync(dialect, options =>
        {
            options.Default.BackoffBaseMs = 0;
            options.Default.BackoffMaxMs = 0;
            options.Default.MaxAttempts = LeaseModel.AttemptsMax;
            options.Default.TimeoutMs = options.LeaseMs / LeaseModel.LeaseTicks * LeaseModel.DeadlineTicks;
            options.HungGraceMs = 0;
        });
        var model = new LeaseModel();
        var tried = new HashSet<(LeaseState, Step)>();
        LeaseRun? run = null;
        for (var i = 0; i < steps; i++)
        {
            run ??= await LeaseRun.StartAsync(world);
            var choices = model.Next(run.State).Where(choice => choice.Step.Deed is not (Deed.Ask or Deed.Hear))
                .Concat(run.Claims(model)).ToList();
            var fresh = choices.Where(choice => !tried.Contains((run.State, choice.Step))).ToList();
            var from = fresh.Count > 0 ? fresh : choices;
            var (step, next) = from[random.Next(from.Count)];
            tried.Add((run.State, step));
            var before = run.State;
            await run.DoAsync(step, next, model.Holds(before, step.Fence));
            var row = await world.GetAsync(run.TaskId);
            Assert.True(
                (row.State, row.Attempt, row.Fence) == (next.Task, next.Attempt, next.Fence),
                $"seed {seed}, step {i}: {before}, {step}: model {next}, row {row.State} {row.Attempt} {row.Fence}");
            if (TaskTransitions.IsEnded(next.Task) && random.Next(4) == 0)
            {
                await run.EndAsync();
                run = null;
            }
            else if (next.Fence == LeaseModel.FencesMax && next.Task == TaskState.Queued)
            {
                await run.EndAsync();
                run = null;
            }
        }

        Assert.True(tried.Count > steps / 4, $"{tried.Count} pairs of state and step");
    }

    private static bool IsLong => Environment.GetEnvironmentVariable("TAISHANG_LONG_TESTS") == "1";

    /// <summary>Breadth first, so that what is found is the shortest way there.</summary>
    private static (int Reached, string? Broken) Explore(LeaseModel model)
    {
        var from = new Dictionary<LeaseState, (LeaseState Before, Step Step)?> { [LeaseModel.Start] = null };
        var backward = new Dictionary<LeaseState, List<LeaseState>>();
        var next = new Queue<LeaseState>([LeaseModel.Start]);
        while (next.TryDequeue(out var state))
        {
            foreach (var (step, after) in model.Next(state))
            {
                if (Broken(state, step, after) is { } why) return (from.Count, $"{why}: {Way(from, state)} {step}");
                if (!backward.TryGetValue(after, out var list)) backward[after] = list = [];
                list.Add(state);
                if (from.TryAdd(after, (state, step))) next.Enqueue(after);
            }
        }

        return (from.Count, Stuck(model, from, backward));
    }

    private static string? Broken(LeaseState before, Step step, LeaseState after)
    {
        for (var worker = 0; worker < 2; worker++)
        {
            // Whoever believes to own the attempt owns it.
            var (phase, fence, _, _) = after.Worker(worker);
            if (phase == WorkerPhase.Running && !(after.Task == TaskState.Running && after.Fence == fence))
                return $"worker {worker} runs what is not its own";
        }

        if (after.First is { Phase: WorkerPhase.Running } && after.Second is { Phase: WorkerPhase.Running })
            return "two workers run one task";
        if (after.Fence < before.Fence) return "the fence went back";
        if (step.Deed == Deed.Commit && after.Task == TaskState.Running && before.Task == TaskState.Queued
            && after.Fence == before.Fence)
        {
            return "a claim has the fence of an earlier one";
        }

        if (before.Task == TaskState.Completed && after.Task != TaskState.Completed) return "a success was overwritten";
        if (TaskTransitions.IsEnded(before.Task) && before.Task != after.Task && step.Deed != Deed.Retry)
            return "an ended task moved without a retry";
        if (step.Deed is Deed.Complete or Deed.Fail or Deed.HandBack && before.Task != after.Task
            && step.Fence != before.Fence)
        {
            return "a late worker wrote";
        }

        if (after.Attempt is < 0 or > LeaseModel.AttemptsMax) return "attempts out of range";
        return null;
    }

    /// <summary>
    /// What a dead or hung worker has is taken by the next look of the rescue, and from every state there is a way to
    /// an end.
    /// </summary>
    private static string? Stuck(
        LeaseModel model, Dictionary<LeaseState, (LeaseState Before, Step Step)?> from,
        Dictionary<LeaseState, List<LeaseState>> backward)
    {
        foreach (var state in from.Keys)
        {
            if (state is { Task: TaskState.Running } and ({ Lease: 0 } or { Deadline: 0 })
                && model.Do(state, new Step(Deed.Rescue)).Task == TaskState.Running)
            {
                return $"a dead or hung worker's task stays: {Way(from, state)}";
            }
        }

        // Where the fences of the model are used up, the task could still be claimed.
        var ends = new HashSet<LeaseState>(from.Keys.Where(state =>
            TaskTransitions.IsEnded(state.Task)
            || (state.Fence == LeaseModel.FencesMax && state.Task == TaskState.Queued)));
        var next = new Queue<LeaseState>(ends);
        while (next.TryDequeue(out var state))
        {
            foreach (var before in backward.GetValueOrDefault(state) ?? [])
            {
                if (ends.Add(before)) next.Enqueue(before);
            }
        }

        foreach (var state in from.Keys)
        {
            if (!ends.Contains(state)) return $"no way to an end: {Way(from, state)}";
        }

        return null;
    }

    private static string Way(Dictionary<LeaseState, (LeaseState Before, Step Step)?> from, LeaseState state)
    {
        var steps = new List<string>();
        while (from[state] is { } way)
        {
            steps.Add($"{way.Step.Deed} {way.Step.Worker} {way.Step.Fence}");
            state = way.Before;
        }

        steps.Reverse();
        return string.Join(", ", steps);
    }
}
