using Taishang.Core.Api;
using Taishang.Core.Data;
using Taishang.Core.Tasks;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Tasks;

/// <summary>Random verbs and worker's deeds on a few tasks, held against a model that only knows the table.</summary>
public sealed class TaskModelTests
{
    private const int Tasks = 6;
    private const int Steps = 250;

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Any_sequence_of_verbs_leaves_the_state_that_the_model_has(Dialect dialect)
    {
        const int seed = 20261122;
        var random = new Random(seed);
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var models = new List<Model>();
        for (var i = 0; i < Tasks; i++)
        {
            var parked = random.Next(2) == 0;
            var task = await world.AddAsync(task => task with { AutoStart = !parked, MaxAttempts = 3 });
            models.Add(new Model(task.Id, parked ? TaskState.Parked : TaskState.Queued));
        }

        for (var step = 0; step < Steps; step++)
        {
            world.Data.FakeTime.Advance(TimeSpan.FromMilliseconds(10));
            var model = models[random.Next(Tasks)];
            var before = model.ToString();
            var deed = await StepAsync(world, models, model, random);
            var row = await world.GetAsync(model.Id);
            Assert.True(
                (row.State, row.Attempt) == (model.State, model.Attempt),
                $"seed {seed}, step {step}: {before}, {deed}: model {model}, row {row.State} {row.Attempt}");
        }

        // One row of the queue for each live task that is not parked, and a trail without a gap.
        var live = await world.Data.Database.ReadAsync(
            session => session.QueryAsync<string>("SELECT task_id FROM tai_task_queue"), default);
        Assert.Equal(
            models.Where(model => model.State is TaskState.Queued or TaskState.Running)
                .Select(model => model.Id).Order(),
            live.Order());
        foreach (var model in models)
        {
            var query = new ListQuery(1, 200, null, new Dictionary<string, string>());
            var (events, total) = await world.Node.Store.EventsAsync(model.Id, query, default);
            Assert.True(total > 1);
            for (var i = 1; i < events.Count; i++)
                Assert.Equal((i + 1, events[i - 1].ToState), (events[i].Seq, events[i].FromState));
        }
    }

    private static async Task<string> StepAsync(TaskWorld world, List<Model> models, Model model, Random random)
    {
        var verbs = new[] { TaskVerb.Start, TaskVerb.Stop, TaskVerb.Cancel, TaskVerb.Retry };
        var choice = random.Next(10);
        if (choice < 4)
        {
            var verb = verbs[choice];
            await VerbAsync(world, model, verb);
            return verb.ToString();
        }

        if (choice < 7 || model.Claims.Count == 0)
        {
            foreach (var claim in await world.Node.ClaimAsync(max: 2))
            {
                var claimed = models.Single(other => other.Id == claim.Task.Id);
                Assert.Equal(TaskState.Queued, claimed.State);
                claimed.State = TaskState.Running;
                claimed.Attempt++;
                claimed.Claims.Add(claim);
            }

            return "claim";
        }

        // Any worker that ever had the task may turn up; only the last one is heard, and only while it runs.
        var claimOf = model.Claims[Math.Max(0, model.Claims.Count - 1 - random.Next(3))];
        var end = (AttemptEnd)random.Next(3);
        var settlement = new Settlement(claimOf, end) { Error = "no", Retriable = random.Next(4) > 0 };
        var held = await world.Node.SettleAsync(settlement);
        Assert.Equal(model.State == TaskState.Running && claimOf == model.Claims[^1], held);
        if (held) model.Settle(end, settlement.Retriable);
        return $"settle {end} {settlement.Retriable}";
    }

    private static async Task VerbAsync(TaskWorld world, Model model, TaskVerb verb)
    {
        var to = TaskTransitions.Next(model.State, verb);
        if (model is { State: TaskState.Running, Wish: TaskVerb.Cancel } && verb == TaskVerb.Stop) to = null;
        if (to is null)
        {
            var error = await Assert.ThrowsAsync<ApiException>(() => world.Node.DoAsync(model.Id, verb));
            Assert.Equal(ErrorCodes.TaskTransition, error.Code);
            return;
        }

        await world.Node.DoAsync(model.Id, verb);
        if (model.State == TaskState.Running)
        {
            model.Wish = verb;
            return;
        }

        model.State = to.Value;
        if (verb == TaskVerb.Retry) model.Attempt = 0;
    }

    private sealed class Model(string id, TaskState state)
    {
        public string Id { get; } = id;

        public TaskState State { get; set; } = state;

        public int Attempt { get; set; }

        public TaskVerb? Wish { get; set; }

        /// <summary>All that ever were, the last one last.</summary>
        public List<ClaimedTask> Claims { get; } = [];

        public void Settle(AttemptEnd end, bool retriable)
        {
            (State, Attempt) = (end, Wish) switch
            {
                (AttemptEnd.Completed, _) => (TaskState.Completed, Attempt),
                (_, TaskVerb.Cancel) => (TaskState.Cancelled, Attempt),
                (_, TaskVerb.Stop) => (TaskState.Parked, Attempt - 1),
                (AttemptEnd.LetGo, _) => (TaskState.Queued, Attempt - 1),
                _ => (retriable && Attempt < 3 ? TaskState.Queued : TaskState.Failed, Attempt),
            };
            Wish = null;
        }

        public override string ToString() => $"{State} attempt {Attempt} wish {Wish}";
    }
}
