using System.Collections.Frozen;
using Taishang.Core.Api;

namespace Taishang.Core.Tasks;

/// <summary>The one table of transitions: what is not in it does not happen.</summary>
public static class TaskTransitions
{
    private static readonly FrozenDictionary<(TaskState From, TaskVerb Verb), TaskState> Table =
        new Dictionary<(TaskState From, TaskVerb Verb), TaskState>
        {
            [(TaskState.Parked, TaskVerb.Start)] = TaskState.Queued,
            [(TaskState.Parked, TaskVerb.Cancel)] = TaskState.Cancelled,
            [(TaskState.Queued, TaskVerb.Claim)] = TaskState.Running,
            [(TaskState.Queued, TaskVerb.Stop)] = TaskState.Parked,
            [(TaskState.Queued, TaskVerb.Cancel)] = TaskState.Cancelled,
            [(TaskState.Running, TaskVerb.Stop)] = TaskState.Parked,
            [(TaskState.Running, TaskVerb.Cancel)] = TaskState.Cancelled,
            [(TaskState.Running, TaskVerb.Complete)] = TaskState.Completed,
            [(TaskState.Running, TaskVerb.TryAgain)] = TaskState.Queued,
            [(TaskState.Running, TaskVerb.GiveUp)] = TaskState.Failed,
            [(TaskState.Running, TaskVerb.HandBack)] = TaskState.Queued,
            [(TaskState.Failed, TaskVerb.Retry)] = TaskState.Queued,
            [(TaskState.Cancelled, TaskVerb.Retry)] = TaskState.Queued,
        }.ToFrozenDictionary();

    /// <summary>The state after the verb; null when the table has no such pair.</summary>
    public static TaskState? Next(TaskState from, TaskVerb verb) =>
        Table.TryGetValue((from, verb), out var to) ? to : null;

    /// <exception cref="ApiException">The pair is not in the table; the message names the two states.</exception>
    public static TaskState Require(string taskId, TaskState from, TaskVerb verb)
    {
        if (Next(from, verb) is { } to) return to;
        var target = Table.First(rule => rule.Key.Verb == verb).Value;
        throw Conflict(taskId, Word(verb), $"from {Describe(from)} to {Describe(target)} there is no transition");
    }

    public static bool IsEnded(TaskState state) =>
        state is TaskState.Completed or TaskState.Failed or TaskState.Cancelled;

    /// <summary>The five words of the wire.</summary>
    public static string Status(TaskState state) => state switch
    {
        TaskState.Parked or TaskState.Queued => "pending",
        TaskState.Running => "running",
        TaskState.Completed => "completed",
        TaskState.Failed => "failed",
        TaskState.Cancelled => "cancelled",
        _ => throw new ArgumentOutOfRangeException(nameof(state), state, "not a state"),
    };

    public static TaskState State(string status, bool queued) => status switch
    {
        "pending" => queued ? TaskState.Queued : TaskState.Parked,
        "running" => TaskState.Running,
        "completed" => TaskState.Completed,
        "failed" => TaskState.Failed,
        "cancelled" => TaskState.Cancelled,
        _ => throw new ArgumentOutOfRangeException(nameof(status), status, "not a status"),
    };

    /// <summary>For messages: the wire's word, and which kind of pending.</summary>
    public static string Describe(TaskState state) => state switch
    {
        TaskState.Parked => "pending (parked)",
        TaskState.Queued => "pending (queued)",
        _ => Status(state),
    };

    /// <summary>The verb's word in the trail.</summary>
    public static string Word(TaskVerb verb) => verb switch
    {
        TaskVerb.TryAgain or TaskVerb.GiveUp => "fail",
        TaskVerb.HandBack => "requeue",
        _ => verb.ToString().ToLowerInvariant(),
    };

    internal static ApiException Conflict(string taskId, string verb, string why) =>
        new(ErrorCodes.TaskTransition, $"{verb}: {why} (task {taskId})");
}
