using System.Text.Json.Nodes;
using Taishang.Testing.Processes;

namespace Taishang.System.Tests.Faults;

/// <summary>Snapshots and restores through REST, with the process killed while they run.</summary>
public sealed class SnapshotKillTests
{
    private const int Dims = 32;
    private const int Rows = 3_000;

    public static TheoryData<string> Databases => ["sqlite", "postgresql"];

    [Theory]
    [MemberData(nameof(Databases))]
    public async Task Killed_in_a_snapshot_and_in_a_restore_both_end_whole_or_not_at_all(string database)
    {
        using var folder = new TestFolder();
        await using var store = await SystemDatabase.MakeAsync(database);
        string snapshotTask;
        await using (var server = await ServerProcess.StartReadyAsync(folder.Path, store.Arguments))
        {
            var id = await server.CreateCollectionAsync("points", Dims);
            for (var from = 0; from < Rows; from += 1_000) await UpsertAsync(server, "points", from, 1_000);
            Assert.Equal("completed", (string)(await server.BuildAsync(id))["status"]!);
            snapshotTask = (string)(await server.ApiPostAsync(
                "collection_snapshots", new { collection = "points", description = "whole" })).Ok["task_id"]!;
            await server.KillAsync();
        }

        string restoreTask;
        await using (var server = await ServerProcess.StartReadyAsync(folder.Path, store.Arguments))
        {
            await CompletedAsync(server, snapshotTask);
            Assert.Equal(Rows, (int)(await server.ApiGetAsync($"collection_snapshots/{snapshotTask}")).Ok["rows"]!);
            // What is written after the snapshot is not in it.
            await UpsertAsync(server, "points", Rows, 10);
            restoreTask = (string)(await server.ApiPostAsync(
                $"collection_snapshots/{snapshotTask}/restore", new { name = "copy" })).Ok["task_id"]!;
            await server.KillAsync();
        }

        await using var last = await ServerProcess.StartReadyAsync(folder.Path, store.Arguments);
        var restored = await CompletedAsync(last, restoreTask);
        Assert.Equal(Rows, (int)restored["result"]!["rows"]!);
        Assert.Equal(Rows, await CountAsync(last, "copy"));
        Assert.Equal(Rows + 10, await CountAsync(last, "points"));
        var copy = (await last.ApiGetAsync("vector_collections/copy")).Ok;
        Assert.Equal("ready", (string)copy["status"]!);
        Assert.Equal(Rows, (int)copy["stats"]!["indexed_rows"]!);
        var hit = (await last.ApiPostAsync(
            "vectors/search", new { collection = "copy", vector = Vector(77), top_k = 1 })).Ok["results"]![0]!;
        Assert.Equal("r77", (string)hit["id"]!);
        // Nothing half-made is left, neither on disk nor among the collections.
        Assert.Equal(2, (int)(await last.ApiGetAsync("vector_collections")).Ok["total"]!);
        Assert.Equal(2, Directory.GetDirectories(folder.File("vectors")).Length);
        Assert.Equal([snapshotTask], Directory.GetDirectories(folder.File("snapshots")).Select(Path.GetFileName));
    }

    private static async Task<JsonNode> CompletedAsync(ServerProcess server, string task)
    {
        var ended = await server.WaitForTaskAsync(task);
        Assert.True((string)ended["status"]! == "completed", ended.ToJsonString());
        return ended;
    }

    private static async Task<int> CountAsync(ServerProcess server, string collection) =>
        (int)(await server.ApiGetAsync($"vectors/count?collection={collection}")).Ok["count"]!;

    private static async Task UpsertAsync(ServerProcess server, string collection, int from, int count)
    {
        var vectors = Enumerable.Range(from, count).Select(i => new { id = $"r{i}", vector = Vector(i) });
        var answer = await server.ApiPostAsync("vectors/upsert", new { collection, vectors });
        Assert.Equal(count, (int)answer.Ok["count"]!);
    }

    private static float[] Vector(int i)
    {
        var random = new Random(i);
        return [.. Enumerable.Range(0, Dims).Select(_ => (float)random.NextDouble())];
    }
}
