using System.Text.Json.Nodes;
using Taishang.Testing.Processes;

namespace Taishang.System.Tests.EndToEnd;

/// <summary>Every work on an index as a task over REST, in the real process.</summary>
public sealed class IndexTaskTests : IDisposable
{
    private const int Dims = 32;
    private const int Rows = 3_000;

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_build_a_compaction_a_rebuild_a_snapshot_and_a_restore_each_run_as_a_task()
    {
        await using var server = await ServerProcess.StartReadyAsync(_folder.Path);
        await server.CreateCollectionAsync("points", Dims);
        for (var from = 0; from < Rows; from += 1_000) await UpsertAsync(server, from, 1_000);

        var built = await RunAsync(server, "index", new { collection = "points" });
        Assert.Equal(("build", Rows), ((string)built["work"]!, (int)built["indexed_rows"]!));

        // Too few dead for a build to take them away; a compaction leaves none.
        var gone = Enumerable.Range(0, 10).Select(i => $"r{i}");
        _ = (await server.ApiPostAsync("vectors/delete", new { collection = "points", ids = gone })).Ok;
        await RunAsync(server, "index", new { collection = "points", work = "build" });
        Assert.Equal(10, await DeadAsync(server));
        var compacted = await RunAsync(server, "index", new { collection = "points", work = "compact" });
        Assert.Equal(("compact", Rows - 10), ((string)compacted["work"]!, (int)compacted["indexed_rows"]!));
        Assert.Equal(0, await DeadAsync(server));

        var rebuilt = await RunAsync(server, "index", new { collection = "points", work = "rebuild" });
        Assert.Equal(("rebuild", Rows - 10), ((string)rebuilt["work"]!, (int)rebuilt["indexed_rows"]!));
        Assert.True((double)rebuilt["build_seconds"]! > (double)(await RunAsync(
            server, "index", new { collection = "points" }))["build_seconds"]!);

        var taken = await RunAsync(server, "snapshot", new { collection = "points" });
        Assert.Equal(Rows - 10, (int)taken["rows"]!);
        var restored = await RunAsync(
            server, "restore", new { snapshot = (string)taken["snapshot"]!, name = "copy" });
        Assert.Equal(("copy", Rows - 10), ((string)restored["name"]!, (int)restored["rows"]!));

        var refused = await server.ApiPostAsync(
            "tasks", new { type = "index", payload = new { collection = "points", work = "polish" } });
        Assert.Equal((400, 50004), (refused.Status, refused.Code));
        Assert.Contains("payload.work: expected one of build, compact, rebuild", refused.Message);
    }

    /// <summary>Runs the task to its end; returns its result.</summary>
    private static async Task<JsonNode> RunAsync(ServerProcess server, string type, object payload)
    {
        var id = (string)(await server.ApiPostAsync("tasks", new { type, payload })).Ok["id"]!;
        var task = await server.WaitForTaskAsync(id);
        Assert.True((string)task["status"]! == "completed", task.ToJsonString());
        Assert.Equal((100, 1), ((int)task["progress"]!, (int)task["attempt"]!));
        Assert.True((int)task["cost"]!["ai_ms"]! >= 0);
        return task["result"]!;
    }

    private static async Task<int> DeadAsync(ServerProcess server) =>
        (int)(await server.ApiGetAsync("vector_collections/points")).Ok["stats"]!["dead_rows"]!;

    private static async Task UpsertAsync(ServerProcess server, int from, int count)
    {
        var random = new Random(from + 1);
        var vectors = Enumerable.Range(from, count).Select(i => new
        {
            id = $"r{i}",
            vector = Enumerable.Range(0, Dims).Select(_ => random.NextDouble()).ToArray(),
        });
        _ = (await server.ApiPostAsync("vectors/upsert", new { collection = "points", vectors })).Ok;
    }
}
