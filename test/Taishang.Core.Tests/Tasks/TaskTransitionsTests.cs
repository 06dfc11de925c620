using Taishang.Core.Api;
using Taishang.Core.Tasks;

namespace Taishang.Core.Tests.Tasks;

public sealed class TaskTransitionsTests
{
    /// <summary>The contract's table, written a second time; every other pair must be refused.</summary>
    private static readonly HashSet<(TaskState, TaskVerb, TaskState)> Contract =
    [
        (TaskState.Parked, TaskVerb.Start, TaskState.Queued),
        (TaskState.Queued, TaskVerb.Claim, TaskState.Running),
        (TaskState.Queued, TaskVerb.Stop, TaskState.Parked),
        (TaskState.Running, TaskVerb.Stop, TaskState.Parked),
        (TaskState.Parked, TaskVerb.Cancel, TaskState.Cancelled),
        (TaskState.Queued, TaskVerb.Cancel, TaskState.Cancelled),
        (TaskState.Running, TaskVerb.Cancel, TaskState.Cancelled),
        (TaskState.Running, TaskVerb.Complete, TaskState.Completed),
        (TaskState.Running, TaskVerb.TryAgain, TaskState.Queued),
        (TaskState.Running, TaskVerb.GiveUp, TaskState.Failed),
        (TaskState.Running, TaskVerb.HandBack, TaskState.Queued),
        (TaskState.Failed, TaskVerb.Retry, TaskState.Queued),
        (TaskState.Cancelled, TaskVerb.Retry, TaskState.Queued),
    ];

    [Fact]
    public void Every_pair_of_state_and_verb_is_as_the_contract_says()
    {
        foreach (var state in Enum.GetValues<TaskState>())
        {
            foreach (var verb in Enum.GetValues<TaskVerb>())
            {
                var expected = Contract.Where(rule => rule.Item1 == state && rule.Item2 == verb)
                    .Select(rule => (TaskState?)rule.Item3).SingleOrDefault();
                Assert.Equal(expected, TaskTransitions.Next(state, verb));
            }
        }
    }

    [Fact]
    public void A_refusal_names_the_two_states()
    {
        var error = Assert.Throws<ApiException>(
            () => TaskTransitions.Require("t", TaskState.Completed, TaskVerb.Start));

        Assert.Equal(ErrorCodes.TaskTransition, error.Code);
        Assert.Contains("completed", error.Message, StringComparison.Ordinal);
        Assert.Contains("pending (queued)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Status_and_state_lead_to_each_other()
    {
        foreach (var state in Enum.GetValues<TaskState>())
            Assert.Equal(state, TaskTransitions.State(TaskTransitions.Status(state), state != TaskState.Parked));
    }
}
