using System.Collections.Immutable;
using Taishang.Core.Api;
using Taishang.Core.Tasks;

namespace Taishang.Core.Tests.Tasks.Model;

/// <summary>One life of the four tasks in the real queue, deed by deed beside the model.</summary>
internal sealed class TieRun(TaskWorld world, TieModel model, int walk)
{
    private readonly string?[] _ids = new string?[model.Tasks.Count];
    private readonly Dictionary<string, ClaimedTask> _claims = [];

    public TieModel Model { get; } = model;

    public TiesState State { get; private set; } = TieModel.Begin;

    public async Task DoAsync(Tie deed, int task)
    {
        var next = Model.Do(State, deed, task);
        switch (deed)
        {
            case Tie.Create:
                await CreateAsync(task);
                break;
            case Tie.Claim:
                foreach (var claim in await world.Node.ClaimAsync()) _claims[claim.Task.Id] = claim;
                break;
            case Tie.Complete or Tie.Fail:
                var end = deed == Tie.Complete ? AttemptEnd.Completed : AttemptEnd.Failed;
                Assert.True(await world.Node.SettleAsync(new Settlement(Claim(task), end)));
                break;
            default:
                await VerbAsync(deed, task, next);
                break;
        }

        State = next;
    }

    /// <summary>The state as the tables have it.</summary>
    public async Task<TiesState> ReadAsync()
    {
        var tasks = new List<TiedState>();
        foreach (var id in _ids) tasks.Add(id is null ? default : await ReadAsync(id));
        var holder = await world.Data.Database.ReadAsync(
            session => session.FindAsync<string>(
                "SELECT task_id FROM tai_task_unique_keys WHERE unique_key = @key", new { key = Key }),
            default);
        return new TiesState([.. tasks], holder is null ? -1 : Array.IndexOf(_ids, holder));
    }

    /// <summary>Takes what is left away, so that the next claim finds the next run's.</summary>
    public async Task EndAsync()
    {
        foreach (var id in _ids.Reverse().OfType<string>())
        {
            if (!(await world.GetAsync(id)).IsLive) continue;
            await world.Node.DoAsync(id, TaskVerb.Cancel);
            if (_claims.TryGetValue(id, out var claim))
                await world.Node.SettleAsync(new Settlement(claim, AttemptEnd.LetGo));
        }
    }

    private string Key => $"k{walk}";

    private ClaimedTask Claim(int task) => _claims[Id(task)];

    private string Id(int task) => _ids[task] ?? throw new InvalidOperationException($"task {task} was not made");

    private async Task CreateAsync(int task)
    {
        var made = await world.AddAsync(one => one with
        {
            UniqueKey = Model.Tasks[task].Key is null ? null : Key,
            DependsOn = [.. Model.Tasks[task].Parents.Select(Id)],
            OnParentFailure = Model.Tasks[task].Rule,
        });
        if (!made.WasLive) _ids[task] = made.Id;
    }

    private async Task VerbAsync(Tie deed, int task, TiesState next)
    {
        var running = State.Tasks[task].Task == TaskState.Running;
        try
        {
            await world.Node.DoAsync(Id(task), Enum.Parse<TaskVerb>(deed.ToString()));
        }
        catch (ApiException e) when (e.Code == ErrorCodes.TaskUniqueKeyTaken && next.Equals(State))
        {
            return;
        }

        // What runs is asked, and its worker lets go.
        if (running) Assert.True(await world.Node.SettleAsync(new Settlement(Claim(task), AttemptEnd.LetGo)));
    }

    private async Task<TiedState> ReadAsync(string id)
    {
        var task = await world.GetAsync(id);
        var (waits, parents) = await world.Data.Database.ReadAsync(
            async session => (
                await session.ScalarAsync<int>(
                    "SELECT coalesce(sum(waits), 0) FROM tai_task_queue WHERE task_id = @id", new { id }),
                await session.QueryAsync<string>(
                    "SELECT parent_id FROM tai_task_dependencies WHERE task_id = @id", new { id })),
            default);
        return new TiedState(
            task.State, waits, parents.Aggregate(0, (bits, parent) => bits | (1 << Array.IndexOf(_ids, parent))));
    }
}
