using Taishang.Core.Tasks;

namespace Taishang.Core.Tests.Tasks.Model;

/// <summary>One life of a task in the real queue, step by step beside the model.</summary>
internal sealed class LeaseRun
{
    private readonly TaskWorld _world;
    private readonly Dictionary<int, ClaimedTask> _claims = [];

    private LeaseRun(TaskWorld world, string taskId)
    {
        _world = world;
        TaskId = taskId;
    }

    public string TaskId { get; }

    public LeaseState State { get; private set; } = LeaseModel.Start;

    public static async Task<LeaseRun> StartAsync(TaskWorld world) => new(world, (await world.AddAsync()).Id);

    /// <summary>Asking, doing and hearing are one call here; the model goes through the three at once.</summary>
    public IEnumerable<(Step Step, LeaseState Next)> Claims(LeaseModel model)
    {
        if (State.Task != TaskState.Queued || State.Fence == LeaseModel.FencesMax) yield break;
        for (var worker = 0; worker < 2; worker++)
        {
            if (State.Worker(worker).Phase != WorkerPhase.Idle) continue;
            var next = model.Do(State, new Step(Deed.Ask, worker));
            next = model.Do(next, new Step(Deed.Commit, worker));
            yield return (new Step(Deed.Hear, worker), model.Do(next, new Step(Deed.Hear, worker)));
        }
    }

    /// <param name="holds">Whether the model lets the fence through.</param>
    public async Task DoAsync(Step step, LeaseState next, bool holds)
    {
        var node = _world.Node;
        var tick = TimeSpan.FromMilliseconds(node.Options.LeaseMs / (double)LeaseModel.LeaseTicks + 1);
        switch (step.Deed)
        {
            case Deed.Hear:
                _claims[next.Fence] = await node.ClaimOneAsync(Name(step.Worker));
                Assert.Equal(next.Fence, _claims[next.Fence].Fence);
                break;
            case Deed.Renew:
                var leases = await node.Queue.RenewAsync(Name(step.Worker), [TaskId], default);
                Assert.Equal(holds, leases.Any(lease => lease.Fence == step.Fence));
                break;
            case Deed.Complete or Deed.Fail or Deed.HandBack:
                var end = step.Deed switch
                {
                    Deed.Complete => AttemptEnd.Completed,
                    Deed.Fail => AttemptEnd.Failed,
                    _ => AttemptEnd.LetGo,
                };
                Assert.Equal(holds, await node.SettleAsync(new Settlement(_claims[step.Fence], end)));
                break;
            case Deed.Rescue:
                var taken = State.Task == TaskState.Running && next.Task != TaskState.Running;
                Assert.Equal(taken ? 1 : 0, await node.RescueAsync());
                break;
            case Deed.Tick:
                _world.Data.FakeTime.Advance(tick);
                break;
            default:
                // A stop after a cancel is refused, and the model stays as it is.
                try
                {
                    await node.DoAsync(TaskId, LeaseModel.VerbOf(step.Deed));
                }
                catch (Taishang.Core.Api.ApiException) when (next == State)
                {
                    break;
                }

                break;
        }

        State = next;
    }

    /// <summary>Takes the task away, so that the next claim finds the next run's.</summary>
    public async Task EndAsync()
    {
        if ((await _world.GetAsync(TaskId)).IsLive) await _world.Node.DoAsync(TaskId, TaskVerb.Cancel);
    }

    private static string Name(int worker) => $"w{worker}";
}
