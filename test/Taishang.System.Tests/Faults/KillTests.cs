using Taishang.Testing.Processes;

namespace Taishang.System.Tests.Faults;

/// <summary>The whole process is killed with SIGKILL while rows are written, indexes built and tasks run.</summary>
public sealed class KillTests(ITestOutputHelper output)
{
    private const int Seed = 20261122;

    /// <summary>Acknowledged operations between two kills, at most.</summary>
    private const int OperationsMax = 25;

    private static bool IsLong => Environment.GetEnvironmentVariable("TAISHANG_LONG_TESTS") == "1";

    public static TheoryData<string> Databases => ["sqlite", "postgresql"];

    [Theory]
    [MemberData(nameof(Databases))]
    public async Task Nothing_acknowledged_is_lost_or_doubled_over_many_kills(string database)
    {
        using var folder = new TestFolder();
        await using var store = await SystemDatabase.MakeAsync(database);
        var random = new Random(Seed);
        var world = new KillWorld(random);
        var kills = IsLong ? 100 : 10;
        for (var kill = 0; kill < kills; kill++)
        {
            await using var server = await ServerProcess.StartReadyAsync(folder.Path, store.Arguments);
            world.CollectionId ??= await server.CreateCollectionAsync(KillWorld.Collection, KillWorld.Dims);
            await world.VerifyRowsAsync(server);
            await WorkUntilKilledAsync(server, world, random);
        }

        await using var last = await ServerProcess.StartReadyAsync(folder.Path, store.Arguments);
        await world.VerifyRowsAsync(last);
        await VerifyTasksAsync(last, world);
        Assert.Equal("completed", (string)(await last.BuildAsync(world.CollectionId!))["status"]!);
        await world.VerifySearchAsync(last, 50);
        output.WriteLine(
            $"seed {Seed}: {kills} kills, {world.AcknowledgedRows} rows, {world.Tasks.Count} tasks, "
                + "none lost, none twice");
    }

    /// <summary>
    /// Clients go on until the process is gone; it is killed in the middle of whatever they are doing.
    /// </summary>
    private static async Task WorkUntilKilledAsync(ServerProcess server, KillWorld world, Random random)
    {
        var left = random.Next(3, OperationsMax);
        var buildAt = random.Next(left);
        for (var operation = 0; operation < left; operation++)
        {
            // A build runs beside the writes that follow it.
            if (operation == buildAt)
                (await server.ApiPostAsync(
                    $"vector_collections/{world.CollectionId}/build", new { })).Ok.GetValueKind();
            await OneAsync(server, world, random.Next(10));
        }

        // The kill meets a call under way, most often between its write and its answer.
        var underWay = OneAsync(server, world, random.Next(10));
        await server.KillAsync();
        try
        {
            await underWay;
        }
        catch (Exception e) when (KillWorld.IsCut(e))
        {
            // The world has noted that the fate of this call is unknown.
        }
    }

    private static Task OneAsync(ServerProcess server, KillWorld world, int dice) => dice switch
    {
        < 5 => world.UpsertAsync(server),
        < 7 => world.DeleteAsync(server),
        _ => world.CreateTaskAsync(server),
    };

    private static async Task VerifyTasksAsync(ServerProcess server, KillWorld world)
    {
        foreach (var id in world.Tasks)
        {
            var task = await server.WaitForTaskAsync(id);
            Assert.True(
                (string)task["status"]! == "completed" || ((string?)task["error_msg"])?.Length > 0,
                $"task {id} ended as {task["status"]} without a reason");
        }

        var total = (long)(await server.ApiGetAsync("tasks?type=embedding&page_size=1")).Ok["total"]!;
        Assert.InRange(total, world.Tasks.Count, world.Tasks.Count + world.UncertainTasks);
    }
}
