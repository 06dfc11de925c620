using System.Collections.Concurrent;
using Taishang.Core.Api;
using Taishang.Core.Data;
using Taishang.Core.Tasks;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Tasks;

/// <summary>
/// Many clients at once do whatever comes to mind to a few tasks. What each was answered must be found in the trail of
/// the task, once, and the trail must be a way through the table of transitions.
/// </summary>
public sealed class TaskClientsTests
{
    private const int Clients = 8;
    private const int Tasks = 4;
    private const int StepsOfEach = 40;

    private static readonly TaskVerb[] Verbs = [TaskVerb.Start, TaskVerb.Stop, TaskVerb.Cancel, TaskVerb.Retry];

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task What_many_clients_were_told_is_one_way_through_the_table(Dialect dialect)
    {
        const int seed = 20261125;
        await using var world = await TaskWorld.FrozenAsync(dialect, options =>
        {
            options.Default.BackoffBaseMs = 0;
            options.Default.BackoffMaxMs = 0;
            options.Default.MaxAttempts = 3;
        });
        var nodes = new[] { world.Node, world.AddNode(new TestExecutor("index")) };
        var ids = new List<string>();
        for (var i = 0; i < Tasks; i++) ids.Add((await world.AddAsync()).Id);
        var told = new Told();

        await Task.WhenAll(Enumerable.Range(0, Clients).Select(client => Task.Run(
            () => LiveAsync(world, nodes[client % 2], ids, $"w{client}", new Random(seed + client), told))));

        foreach (var id in ids)
        {
            var query = new ListQuery(1, 200, null, new Dictionary<string, string>());
            var (events, total) = await world.Node.Store.EventsAsync(id, query, default);
            var all = events.ToList();
            for (var page = 2; all.Count < total; page++)
                all.AddRange((await world.Node.Store.EventsAsync(id, query with { Page = page }, default)).Events);
            CheckTrail(all, $"seed {seed}, task {id}");
            told.CheckAgainst(id, all, seed);
            var row = await world.GetAsync(id);
            Assert.Equal(Enum.Parse<TaskState>(all[^1].ToState, ignoreCase: true), row.State);
            Assert.Equal(all.Count(line => line.Verb == "claim"), row.Fence);
        }

        var live = await world.Data.Database.ReadAsync(
            session => session.ScalarAsync<long>("SELECT count(*) FROM tai_task_queue"), default);
        var rows = await Task.WhenAll(ids.Select(world.GetAsync));
        Assert.Equal(rows.Count(row => row.State is TaskState.Queued or TaskState.Running), live);
    }

    private static async Task LiveAsync(
        TaskWorld world, TaskNode node, List<string> ids, string name, Random random, Told told)
    {
        var claims = new List<ClaimedTask>();
        for (var step = 0; step < StepsOfEach; step++)
        {
            var id = ids[random.Next(ids.Count)];
            switch (random.Next(10))
            {
                case < 4:
                    await VerbAsync(node, id, Verbs[random.Next(Verbs.Length)], told);
                    break;
                case < 7:
                    foreach (var claim in await node.ClaimAsync(name, 2))
                    {
                        Assert.True(told.Fences.TryAdd((claim.Task.Id, claim.Fence), false), "a fence was given twice");
                        claims.Add(claim);
                    }

                    break;
                case < 9 when claims.Count > 0:
                    // Also those that were rescued long ago.
                    var one = claims[random.Next(claims.Count)];
                    var settlement = new Settlement(one, (AttemptEnd)random.Next(3)) { Error = "no" };
                    if (await node.SettleAsync(settlement, name))
                    {
                        Assert.True(
                            told.Fences.TryUpdate((one.Task.Id, one.Fence), true, false), "an attempt ended twice");
                        told.Ended.AddOrUpdate(one.Task.Id, 1, (_, times) => times + 1);
                    }

                    break;
                default:
                    world.Data.FakeTime.Advance(TimeSpan.FromMilliseconds(node.Options.LeaseMs / 2.0));
                    if (claims.Count > 0 && random.Next(2) == 0)
                        await node.Queue.RenewAsync(name, [claims[^1].Task.Id], default);
                    await node.RescueAsync();
                    break;
            }
        }
    }

    private static async Task VerbAsync(TaskNode node, string id, TaskVerb verb, Told told)
    {
        try
        {
            await node.DoAsync(id, verb);
            told.Done.AddOrUpdate((id, verb), 1, (_, times) => times + 1);
        }
        catch (ApiException e)
        {
            Assert.Equal(ErrorCodes.TaskTransition, e.Code);
        }
    }

    private static void CheckTrail(List<TaskEvent> trail, string which)
    {
        Assert.Equal(("create", null), (trail[0].Verb, trail[0].FromState));
        for (var i = 1; i < trail.Count; i++)
        {
            var line = trail[i];
            Assert.True(line.Seq == i + 1 && line.FromState == trail[i - 1].ToState, $"{which}: a gap before {i + 1}");
            var from = Enum.Parse<TaskState>(line.FromState ?? "", ignoreCase: true);
            var to = Enum.Parse<TaskState>(line.ToState, ignoreCase: true);
            // A wish of a running task is noted where it stands.
            var wish = from == to && from == TaskState.Running && line.Verb is "stop" or "cancel";
            var allowed = Enum.GetValues<TaskVerb>().Any(verb =>
                TaskTransitions.Next(from, verb) == to
                && (TaskTransitions.Word(verb) == line.Verb || line.Verb == "rescue"));
            Assert.True(wish || allowed, $"{which}: {line.Verb} from {from} to {to}");
        }
    }

    /// <summary>What the clients were told.</summary>
    private sealed class Told
    {
        public ConcurrentDictionary<(string Id, TaskVerb Verb), int> Done { get; } = new();

        /// <summary>How many ends of attempts each task was told it had.</summary>
        public ConcurrentDictionary<string, int> Ended { get; } = new();

        /// <summary>Fences that were given, and whether their attempt was ended by who had it.</summary>
        public ConcurrentDictionary<(string Id, long Fence), bool> Fences { get; } = new();

        public void CheckAgainst(string id, List<TaskEvent> trail, int seed)
        {
            foreach (var verb in new[] { TaskVerb.Start, TaskVerb.Retry })
            {
                Assert.True(
                    Done.GetValueOrDefault((id, verb)) == trail.Count(line => line.Verb == TaskTransitions.Word(verb)),
                    $"seed {seed}, task {id}: {verb}");
            }

            Assert.Equal(Fences.Keys.Count(key => key.Id == id), trail.Count(line => line.Verb == "claim"));
            // What left running did so by its worker or by the rescue, never by both.
            var byWorker = trail.Count(line =>
                line.FromState == "running" && line.ToState != "running"
                && line.Actor.StartsWith("worker ", StringComparison.Ordinal));
            Assert.Equal(Ended.GetValueOrDefault(id), byWorker);
        }
    }
}
