using Taishang.Testing.Processes;

namespace Taishang.System.Tests.Faults;

/// <summary>Memory as users meet it: what does not fit is refused with its code, what is quiet is released.</summary>
public sealed class MemoryTests : IDisposable
{
    private const string Settings = "Taishang:Ai:Indexes:";

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task What_would_pass_the_limit_is_503_in_words_and_all_is_there_under_a_larger_one()
    {
        await using (var server = await ServerProcess.StartReadyAsync(_folder.Path))
        {
            await server.CreateCollectionAsync("points", 2);
            Assert.Equal(200, (await UpsertAsync(server)).Status);
        }

        await using (var small = await ServerProcess.StartReadyAsync(
            _folder.Path, "--set", $"{Settings}MemoryBytesMax=1"))
        {
            foreach (var refused in (ApiAnswer[])[await UpsertAsync(small), await SearchAsync(small)])
            {
                Assert.Equal((503, 10013), (refused.Status, refused.Code));
                Assert.Contains("needs about", refused.Message);
                Assert.NotNull(refused.Response.Headers.RetryAfter);
            }

            var create = await small.ApiPostAsync(
                "vector_collections", new { name = "more", dims = 2, index_type = "FLAT" });
            Assert.Equal((503, 10013), (create.Status, create.Code));
            Assert.Equal(1, (int)(await small.ApiGetAsync("vector_collections")).Ok["total"]!);
        }

        await using var again = await ServerProcess.StartReadyAsync(_folder.Path);
        Assert.Equal("a", (string)(await SearchAsync(again)).Ok["results"]![0]!["id"]!);
    }

    [Fact]
    public async Task A_quiet_collection_goes_cold_tells_so_and_answers_the_next_search()
    {
        await using var server = await ServerProcess.StartReadyAsync(
            _folder.Path, "--set", $"{Settings}ColdAfterSeconds=1", "--set", $"{Settings}TierSweepSeconds=1");
        await server.CreateCollectionAsync("points", 2);
        _ = (await UpsertAsync(server)).Ok;
        await server.WaitUntilAsync("cold", async () => await TierAsync(server) == "cold");
        // Looking does not load it.
        Assert.Equal("cold", await TierAsync(server));
        Assert.Equal("a", (string)(await SearchAsync(server)).Ok["results"]![0]!["id"]!);
        await server.WaitUntilAsync("cold again", async () => await TierAsync(server) == "cold");
        var metrics = await server.Http.GetStringAsync("/metrics");
        foreach (var name in (string[])
            ["collection_evictions", "collection_load_duration_seconds_count", "tier_memory_bytes",
                "search_duration_seconds_count", "collection_live_rows"])
            Assert.Contains("taishang_ai_" + name, metrics);
    }

    private static async Task<string> TierAsync(ServerProcess server) =>
        (string)(await server.ApiGetAsync("vector_collections/points")).Ok["stats"]!["tier"]!;

    private static Task<ApiAnswer> UpsertAsync(ServerProcess server) => server.ApiPostAsync(
        "vectors/upsert", new { collection = "points", vectors = new[] { new { id = "a", vector = new[] { 1, 2 } } } });

    private static Task<ApiAnswer> SearchAsync(ServerProcess server) =>
        server.ApiPostAsync("vectors/search", new { collection = "points", vector = new[] { 1, 2 }, top_k = 1 });
}
