using System.Text.Json.Nodes;
using Taishang.System.Tests.Faults;
using Taishang.Testing.Processes;

namespace Taishang.System.Tests.EndToEnd;

/// <summary>A pinned collection beside one that is not, in the real process, through REST and over restarts.</summary>
public sealed class PinnedCollectionTests : IDisposable
{
    private const string Settings = "Taishang:Ai:Indexes:";

    private static readonly string[] Quick =
        ["--set", $"{Settings}ColdAfterSeconds=1", "--set", $"{Settings}TierSweepSeconds=1"];

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgresql")]
    public async Task What_is_pinned_stays_hot_over_a_restart_until_it_is_released(string database)
    {
        await using var store = await SystemDatabase.MakeAsync(database);
        await using (var server = await ServerProcess.StartReadyAsync(_folder.Path, [.. store.Arguments, .. Quick]))
        {
            // Filled first: the sweep that cools the other one has looked at it before.
            await FillAsync(server, "kept");
            Assert.True((bool)(await PinAsync(server, "kept", true)).Ok["pinned"]!);
            await FillAsync(server, "quiet");
            await server.WaitUntilAsync("quiet is cold", async () => await TierAsync(server, "quiet") == "cold");
            await ExpectPinnedAsync(server, "kept");
        }

        await using (var small = await ServerProcess.StartReadyAsync(
            _folder.Path, [.. store.Arguments, .. Quick, "--set", $"{Settings}HotBytesMax=1"]))
        {
            await ExpectPinnedAsync(small, "kept");
            // It was not read at the start, so telling of it has to load it once.
            await small.WaitUntilAsync("quiet is cold", async () => await TierAsync(small, "quiet") == "cold");
            var more = new { name = "more", dims = 2, index_type = "FLAT", pinned = true };
            foreach (var refused in (ApiAnswer[])
                [await PinAsync(small, "quiet", true), await small.ApiPostAsync("vector_collections", more)])
            {
                Assert.Equal((409, 30014), (refused.Status, refused.Code));
                Assert.Equal("pinned", (string)refused.Data!["errors"]![0]!["field"]!);
                Assert.Contains("of the 1 that the worker's memory budget holds", refused.Message);
            }

            Assert.Equal(2, (int)(await small.ApiGetAsync("vector_collections")).Ok["total"]!);
            Assert.False((bool)(await ReadAsync(small, "quiet"))["pinned"]!);

            Assert.False((bool)(await PinAsync(small, "kept", false)).Ok["pinned"]!);
            await small.WaitUntilAsync("kept is cold", async () => await TierAsync(small, "kept") == "cold");
            var found = await small.ApiPostAsync(
                "vectors/search", new { collection = "kept", vector = new[] { 1, 2 }, top_k = 1 });
            Assert.Equal("a", (string)found.Ok["results"]![0]!["id"]!);
        }
    }

    private static async Task FillAsync(ServerProcess server, string name)
    {
        await server.CreateCollectionAsync(name, 2);
        var vectors = new[] { new { id = "a", vector = new[] { 1, 2 } } };
        _ = (await server.ApiPostAsync("vectors/upsert", new { collection = name, vectors })).Ok;
    }

    private static Task<ApiAnswer> PinAsync(ServerProcess server, string name, bool pinned) =>
        server.ApiPutAsync($"vector_collections/{name}", new { pinned });

    private static async Task<JsonNode> ReadAsync(ServerProcess server, string name) =>
        (await server.ApiGetAsync($"vector_collections/{name}")).Ok;

    private static async Task<string> TierAsync(ServerProcess server, string name) =>
        (string)(await ReadAsync(server, name))["stats"]!["tier"]!;

    private static async Task ExpectPinnedAsync(ServerProcess server, string name)
    {
        var read = await ReadAsync(server, name);
        Assert.Equal(
            (true, true, "hot"),
            ((bool)read["pinned"]!, (bool)read["stats"]!["pinned"]!, (string)read["stats"]!["tier"]!));
        var listed = (await server.ApiGetAsync("vector_collections")).Ok["collections"]!.AsArray();
        Assert.True((bool)listed.Single(row => (string)row!["name"]! == name)!["pinned"]!);
    }
}
