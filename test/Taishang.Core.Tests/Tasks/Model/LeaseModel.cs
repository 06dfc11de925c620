using Taishang.Core.Tasks;

namespace Taishang.Core.Tests.Tasks.Model;

/// <summary>What a deed of somebody's is in the model.</summary>
internal enum Deed
{
    Ask,
    Commit,
    Hear,
    LoseAnswer,
    Renew,
    Complete,
    Fail,
    HandBack,
    Rescue,
    Tick,
    Stop,
    Cancel,
    Start,
    Retry,
}

/// <summary>A deed, by whom, and with which fence where one is shown.</summary>
internal readonly record struct Step(Deed Deed, int Worker = 0, int Fence = 0);

/// <summary>
/// What a worker knows: where its claim stands, its fence, how long it may still believe in it, and how much of the
/// attempt's time is left.
/// </summary>
internal readonly record struct WorkerState(WorkerPhase Phase, int Fence, int Belief, int Left);

internal enum WorkerPhase
{
    Idle,

    /// <summary>It has asked for a claim; the database has not yet done it.</summary>
    Asked,

    /// <summary>The database has done it; the worker has not yet heard.</summary>
    Answered,
    Running,
}

/// <summary>One task, its place in the queue, and two workers, at one moment.</summary>
/// <param name="Lease">Ticks until the lease ends; 0 when it has.</param>
/// <param name="Deadline">Ticks until the attempt's time is over; 0 when it is.</param>
/// <param name="Owners">Who was given each fence, as base-3 digits (0 nobody): any of them may turn up late.</param>
internal readonly record struct LeaseState(
    TaskState Task, int Fence, int Attempt, int Lease, int Deadline, TaskVerb? Wish, int Retries, int Owners,
    WorkerState First, WorkerState Second)
{
    public WorkerState Worker(int worker) => worker == 0 ? First : Second;

    public LeaseState With(int worker, WorkerState state) =>
        worker == 0 ? this with { First = state } : this with { Second = state };

    public int OwnerOf(int fence) => Owners / Power(fence) % 3 - 1;

    public LeaseState Give(int fence, int worker) => this with { Owners = Owners + (worker + 1) * Power(fence) };

    private static int Power(int fence) => (int)Math.Pow(3, fence - 1);
}

/// <summary>What the model leaves out on purpose, to see that the check finds it.</summary>
[Flags]
internal enum Flaw
{
    None = 0,
    FenceIsNotCompared = 1,
    FenceIsNotRaised = 2,
    RescueIgnoresTheLease = 4,
    WorkerCountsFromTheAnswer = 8,
    RescueOverwritesTheEnd = 16,
    DeadAttemptsStay = 32,
    LateAnswersBegin = 64,
    HungAttemptsStay = 128,
    DeadlineCountsFromTheAnswer = 256,
    DeadlineEndsNothingByItself = 512,
}

/// <summary>
/// Claim, heartbeat, deadline, fence and rescue as the code does them, small enough to try every order of events.
/// Workers are as bad as they can be: a claim's answer comes late or never, a worker renews or not, also an attempt
/// that hangs for ever, and whoever was ever given a fence may show it at any time, as a process does that was paused
/// for longer than its lease. The rescue is as hasty as it can be: it gives nobody grace after a deadline.
/// </summary>
internal sealed class LeaseModel(Flaw flaw = Flaw.None)
{
    public const int LeaseTicks = 2;
    public const int DeadlineTicks = 3;
    public const int FencesMax = 4;
    public const int AttemptsMax = 2;
    private const int RetriesMax = 1;

    public static LeaseState Start { get; } =
        new(TaskState.Queued, 0, 0, 0, 0, null, 0, 0, default, default);

    /// <summary>Everything that may happen next.</summary>
    public IEnumerable<(Step Step, LeaseState Next)> Next(LeaseState state) =>
        Steps(state).Select(step => (step, Do(state, step)));

    public LeaseState Do(LeaseState state, Step step)
    {
        var worker = state.Worker(step.Worker);
        return step.Deed switch
        {
            Deed.Ask => state.With(step.Worker, new WorkerState(WorkerPhase.Asked, 0, LeaseTicks, DeadlineTicks)),
            Deed.Commit => Commit(state, step.Worker),
            Deed.Hear => Hear(state, step.Worker),
            Deed.LoseAnswer => state.With(step.Worker, default),
            Deed.Renew => Renew(state, step),
            Deed.Complete or Deed.Fail or Deed.HandBack => Settle(state, step),
            Deed.Rescue => Rescue(state),
            Deed.Tick => Tick(state),
            _ => Verb(state, step.Deed),
        };
    }

    /// <summary>Whether the fence is the one that the row has, and the row runs.</summary>
    public bool Holds(LeaseState state, int fence) =>
        state.Task == TaskState.Running && (state.Fence == fence || flaw.HasFlag(Flaw.FenceIsNotCompared));

    public static TaskVerb VerbOf(Deed deed) => Enum.Parse<TaskVerb>(deed.ToString());

    private IEnumerable<Step> Steps(LeaseState state)
    {
        for (var worker = 0; worker < 2; worker++)
        {
            switch (state.Worker(worker).Phase)
            {
                case WorkerPhase.Idle when state.Fence < FencesMax:
                    yield return new Step(Deed.Ask, worker);
                    break;
                case WorkerPhase.Asked:
                    yield return new Step(Deed.Commit, worker);
                    break;
                case WorkerPhase.Answered:
                    yield return new Step(Deed.Hear, worker);
                    yield return new Step(Deed.LoseAnswer, worker);
                    break;
            }
        }

        for (var fence = 1; fence <= state.Fence; fence++)
        {
            if (state.OwnerOf(fence) is not (>= 0 and var owner)) continue;
            foreach (var deed in new[] { Deed.Renew, Deed.Complete, Deed.Fail, Deed.HandBack })
                yield return new Step(deed, owner, fence);
        }

        if (state is { Lease: > 0 } or { Deadline: > 0 } or { First.Belief: > 0 } or { Second.Belief: > 0 })
            yield return new Step(Deed.Tick);
        yield return new Step(Deed.Rescue);
        foreach (var deed in new[] { Deed.Stop, Deed.Cancel, Deed.Start, Deed.Retry })
        {
            if (deed == Deed.Retry && state.Retries == RetriesMax) continue;
            if (TaskTransitions.Next(state.Task, VerbOf(deed)) is not null) yield return new Step(deed);
        }
    }

    private LeaseState Commit(LeaseState state, int worker)
    {
        if (state.Task != TaskState.Queued || state.Fence == FencesMax) return state.With(worker, default);
        var fence = flaw.HasFlag(Flaw.FenceIsNotRaised) && state.Fence > 0 ? state.Fence : state.Fence + 1;
        var next = state with
        {
            Task = TaskState.Running,
            Fence = fence,
            Attempt = state.Attempt + 1,
            Lease = LeaseTicks,
            Deadline = DeadlineTicks,
            Wish = null,
        };
        if (fence > state.Fence) next = next.Give(fence, worker);
        return next.With(worker, state.Worker(worker) with { Phase = WorkerPhase.Answered, Fence = fence });
    }

    /// <summary>An answer that comes when the lease it is of may have ended is dropped.</summary>
    private LeaseState Hear(LeaseState state, int worker)
    {
        var heard = state.Worker(worker) with { Phase = WorkerPhase.Running };
        if (flaw.HasFlag(Flaw.WorkerCountsFromTheAnswer)) heard = heard with { Belief = LeaseTicks };
        if (flaw.HasFlag(Flaw.DeadlineCountsFromTheAnswer)) heard = heard with { Left = DeadlineTicks };
        var begins = heard.Belief > 0 || flaw.HasFlag(Flaw.LateAnswersBegin);
        return state.With(worker, begins ? heard : default);
    }

    private LeaseState Renew(LeaseState state, Step step)
    {
        var worker = state.Worker(step.Worker);
        var mine = worker.Phase == WorkerPhase.Running && worker.Fence == step.Fence;
        if (Holds(state, step.Fence) && (worker.Fence == step.Fence || worker.Phase == WorkerPhase.Idle))
        {
            var renewed = state with { Lease = LeaseTicks };
            return mine ? renewed.With(step.Worker, worker with { Belief = LeaseTicks }) : renewed;
        }

        return mine ? state.With(step.Worker, default) : state;
    }

    private LeaseState Settle(LeaseState state, Step step)
    {
        var next = Holds(state, step.Fence) ? End(state, step.Deed) : state;
        return next.Worker(step.Worker).Fence == step.Fence ? next.With(step.Worker, default) : next;
    }

    private static LeaseState End(LeaseState state, Deed deed)
    {
        var (task, attempt) = (deed, state.Wish) switch
        {
            (Deed.Complete, _) => (TaskState.Completed, state.Attempt),
            (_, TaskVerb.Cancel) => (TaskState.Cancelled, state.Attempt),
            (_, TaskVerb.Stop) => (TaskState.Parked, state.Attempt - 1),
            (Deed.HandBack, _) => (TaskState.Queued, state.Attempt - 1),
            _ => (state.Attempt < AttemptsMax ? TaskState.Queued : TaskState.Failed, state.Attempt),
        };
        return state with { Task = task, Attempt = attempt, Lease = 0, Deadline = 0, Wish = null };
    }

    private LeaseState Rescue(LeaseState state)
    {
        if (flaw.HasFlag(Flaw.DeadAttemptsStay)) return state;
        if (flaw.HasFlag(Flaw.RescueOverwritesTheEnd) && state.Task == TaskState.Completed)
            return state with { Task = TaskState.Failed };
        if (state.Task != TaskState.Running) return state;
        var hung = state.Deadline == 0 && !flaw.HasFlag(Flaw.HungAttemptsStay);
        var dead = state.Lease == 0 || flaw.HasFlag(Flaw.RescueIgnoresTheLease);
        return hung || dead ? End(state, Deed.Rescue) : state;
    }

    private LeaseState Tick(LeaseState state)
    {
        var next = state with
        {
            Lease = Math.Max(0, state.Lease - 1),
            Deadline = Math.Max(0, state.Deadline - 1),
        };
        for (var i = 0; i < 2; i++)
        {
            var worker = next.Worker(i);
            if (worker.Phase == WorkerPhase.Idle) continue;
            worker = worker with { Belief = Math.Max(0, worker.Belief - 1), Left = Math.Max(0, worker.Left - 1) };
            next = next.With(i, worker.Phase == WorkerPhase.Running && IsOver(worker) ? default : worker);
        }

        return next;
    }

    /// <summary>
    /// Whose belief or time ends lets go by itself, when it is not paused; if it is, its fence may still turn up.
    /// </summary>
    private bool IsOver(WorkerState worker) => worker.Belief == 0
        || (worker.Left == 0 && !flaw.HasFlag(Flaw.DeadlineEndsNothingByItself));

    private static LeaseState Verb(LeaseState state, Deed deed)
    {
        var verb = VerbOf(deed);
        if (TaskTransitions.Next(state.Task, verb) is not { } to) return state;
        if (state.Task == TaskState.Running)
            return state.Wish == TaskVerb.Cancel ? state : state with { Wish = verb };
        var retry = verb == TaskVerb.Retry;
        return state with
        {
            Task = to,
            Attempt = retry ? 0 : state.Attempt,
            Retries = state.Retries + (retry ? 1 : 0),
        };
    }
}
