using System.Collections.Immutable;
using Taishang.Core.Tasks;

namespace Taishang.Core.Tests.Tasks.Model;

/// <summary>A task of the model of ties: whom it waits for, what it does when one of them fails, its key.</summary>
internal sealed record TiedTask(string? Key, int[] Parents, string Rule);

/// <summary>What happens to a task of the model; <see cref="Claim"/> of -1 is of all that may be.</summary>
internal enum Tie
{
    Create,
    Claim,
    Complete,
    Fail,
    Stop,
    Start,
    Cancel,
    Retry,
}

/// <summary>What the model leaves out on purpose, to see that the check finds it.</summary>
internal enum TieFlaw
{
    None,
    KeysAreKept,
    KeysAreNotTakenAgain,
    WaitsAreNotCounted,
    ClaimsDoNotAskForWaits,
    FailuresStayWithTheParent,
    FailuresStopAtTheChild,
    LateChildrenDoNotAsk,
    StartsDoNotWait,
}

/// <summary>Where one task stands: null before it was made.</summary>
/// <param name="Waits">Parents that it waits for, as the queue's row counts them; 0 without a row.</param>
/// <param name="Edges">Parents it is written down as waiting for, a bit each.</param>
internal readonly record struct TiedState(TaskState? Task, int Waits, int Edges);

/// <summary>All of them, and who has the key.</summary>
internal sealed record TiesState(ImmutableArray<TiedState> Tasks, int Holder)
{
    public bool Equals(TiesState? other) => other is not null && Holder == other.Holder
        && Tasks.AsSpan().SequenceEqual(other.Tasks.AsSpan());

    public override int GetHashCode() => Tasks.Aggregate(Holder, HashCode.Combine);

    public override string ToString() =>
        $"{string.Join(' ', Tasks.Select(task => $"{task.Task?.ToString() ?? "-"}/{task.Waits}"))} key {Holder}";
}

/// <summary>
/// Unique keys and dependencies as the code does them: four tasks, of which the second waits for the first, the third
/// for both and has the first one's key, and the fourth for the first two. Each deed is one transaction, so their
/// orders are all there is to try.
/// </summary>
internal sealed class TieModel
{
    private readonly TieFlaw _flaw;

    public TieModel(string rule, TieFlaw flaw = TieFlaw.None)
    {
        _flaw = flaw;
        Tasks =
        [
            new("k", [], ParentFailure.Cancel), new(null, [0], rule), new("k", [0, 1], ParentFailure.Cancel),
            new(null, [0, 1], rule),
        ];
    }

    public IReadOnlyList<TiedTask> Tasks { get; }

    public static TiesState Begin { get; } = new([default, default, default, default], -1);

    public static bool IsLive(TaskState? task) => task is { } state && !TaskTransitions.IsEnded(state);

    public IEnumerable<(Tie Deed, int Task)> Deeds(TiesState state)
    {
        for (var i = 0; i < Tasks.Count; i++)
        {
            switch (state.Tasks[i].Task)
            {
                case null when Array.TrueForAll(Tasks[i].Parents, parent => state.Tasks[parent].Task is not null):
                    yield return (Tie.Create, i);
                    break;
                case TaskState.Queued:
                    if (MayBeClaimed(state.Tasks[i])) yield return (Tie.Claim, i);
                    yield return (Tie.Stop, i);
                    yield return (Tie.Cancel, i);
                    break;
                case TaskState.Parked:
                    yield return (Tie.Start, i);
                    yield return (Tie.Cancel, i);
                    break;
                case TaskState.Running:
                    yield return (Tie.Complete, i);
                    yield return (Tie.Fail, i);
                    yield return (Tie.Cancel, i);
                    break;
                case TaskState.Failed or TaskState.Cancelled:
                    yield return (Tie.Retry, i);
                    break;
            }
        }
    }

    public TiesState Do(TiesState state, Tie deed, int task) => deed switch
    {
        Tie.Create => Create(state, task),
        Tie.Claim when task < 0 => Enumerable.Range(0, Tasks.Count)
            .Where(i => state.Tasks[i].Task == TaskState.Queued && MayBeClaimed(state.Tasks[i]))
            .Aggregate(state, (next, i) => Set(next, i, state.Tasks[i] with { Task = TaskState.Running })),
        Tie.Claim => Set(state, task, state.Tasks[task] with { Task = TaskState.Running }),
        Tie.Complete => End(state, task, TaskState.Completed),
        Tie.Fail => End(state, task, TaskState.Failed),
        Tie.Cancel => End(state, task, TaskState.Cancelled),
        Tie.Stop => Set(state, task, state.Tasks[task] with { Task = TaskState.Parked, Waits = 0 }),
        Tie.Start => Queue(state, task),
        _ => Retry(state, task),
    };

    private bool MayBeClaimed(TiedState task) => task.Waits == 0 || _flaw == TieFlaw.ClaimsDoNotAskForWaits;

    /// <summary>Makes nothing where a live task has the key.</summary>
    private TiesState Create(TiesState state, int task)
    {
        if (Tasks[task].Key is not null)
        {
            if (state.Holder >= 0) return state;
            state = state with { Holder = task };
        }

        state = Queue(state, task);
        var failed = Tasks[task].Parents
            .Any(parent => state.Tasks[parent].Task is TaskState.Failed or TaskState.Cancelled);
        return failed && Tasks[task].Rule != ParentFailure.Run && _flaw != TieFlaw.LateChildrenDoNotAsk
            ? Suffer(state, task)
            : state;
    }

    private TiesState Retry(TiesState state, int task)
    {
        if (Tasks[task].Key is not null && _flaw != TieFlaw.KeysAreNotTakenAgain)
        {
            if (state.Holder >= 0 && state.Holder != task) return state;
            state = state with { Holder = task };
        }

        return Queue(state, task);
    }

    /// <summary>Waits for those of its parents that are live; how the others ended is not asked.</summary>
    private TiesState Queue(TiesState state, int task)
    {
        var live = Tasks[task].Parents.Where(parent => IsLive(state.Tasks[parent].Task)).ToArray();
        var edges = live.Aggregate(state.Tasks[task].Edges, (bits, parent) => bits | (1 << parent));
        var waits = _flaw == TieFlaw.StartsDoNotWait && state.Tasks[task].Task is not null ? 0 : live.Length;
        return Set(state, task, new TiedState(TaskState.Queued, waits, edges));
    }

    private TiesState End(TiesState state, int task, TaskState to)
    {
        state = Set(state, task, new TiedState(to, 0, 0));
        if (state.Holder == task && _flaw != TieFlaw.KeysAreKept) state = state with { Holder = -1 };
        for (var child = 0; child < Tasks.Count; child++)
        {
            var edge = 1 << task;
            if ((state.Tasks[child].Edges & edge) == 0) continue;
            state = Set(state, child, state.Tasks[child] with { Edges = state.Tasks[child].Edges & ~edge });
            if (to == TaskState.Completed) state = CountDown(state, child);
            else if (_flaw != TieFlaw.FailuresStayWithTheParent) state = Suffer(state, child);
        }

        return state;
    }

    private TiesState Suffer(TiesState state, int child)
    {
        if (state.Tasks[child].Task is not (TaskState.Parked or TaskState.Queued)) return state;
        switch (Tasks[child].Rule)
        {
            case ParentFailure.Run:
                return CountDown(state, child);
            case ParentFailure.Park:
                return Set(state, child, state.Tasks[child] with { Task = TaskState.Parked, Waits = 0 });
            default:
                return _flaw == TieFlaw.FailuresStopAtTheChild
                    ? Set(state, child, new TiedState(TaskState.Cancelled, 0, 0))
                    : End(state, child, TaskState.Cancelled);
        }
    }

    private TiesState CountDown(TiesState state, int child)
    {
        var task = state.Tasks[child];
        return task is { Task: TaskState.Queued, Waits: > 0 } && _flaw != TieFlaw.WaitsAreNotCounted
            ? Set(state, child, task with { Waits = task.Waits - 1 })
            : state;
    }

    private static TiesState Set(TiesState state, int task, TiedState to) =>
        state with { Tasks = state.Tasks.SetItem(task, to) };
}
