using System.Text.Json.Nodes;
using Taishang.Testing.Processes;

namespace Taishang.System.Tests.Faults;

/// <summary>A worker that is really full: the searches it takes are right, the others are told to come back.</summary>
public sealed class OverloadTests : IDisposable
{
    private const int Dims = 64;
    private const int Rows = 4_000;
    private const int Callers = 16;
    private const int RoundsMax = 50;

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Searches_beyond_those_that_run_and_wait_get_429_with_a_time_and_all_are_served_in_the_end()
    {
        await using var server = await ServerProcess.StartReadyAsync(
            _folder.Path, "--set", "Taishang:Ai:Indexes:SearchesMax=1", "--set",
            "Taishang:Ai:Indexes:SearchQueueMax=1");
        var query = await FillAsync(server);

        // Each search is long enough for the others to meet it; on a machine where they do not, once more.
        var refused = new List<ApiAnswer>();
        for (var round = 0; round < RoundsMax && refused.Count == 0; round++)
        {
            var answers = await Task.WhenAll(
                Enumerable.Range(0, Callers).Select(_ => server.ApiPostAsync("vectors/search", query)));
            Assert.All(answers, answer => Assert.True(answer.Status is 200 or 429, answer.Message));
            Assert.All(answers.Where(answer => answer.Status == 200), IsRight);
            Assert.Contains(answers, answer => answer.Status == 200);
            refused.AddRange(answers.Where(answer => answer.Status == 429));
        }

        Assert.NotEmpty(refused);
        Assert.All(refused, answer =>
        {
            Assert.Equal(10015, answer.Code);
            Assert.Contains("1 searches run and 1 wait", answer.Message);
            Assert.All(answer.Data!["errors"]!.AsArray(), error => Assert.Equal(10015, (int)error!["code"]!));
            Assert.InRange(answer.Response.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 60);
        });
        // What is no search is served meanwhile and after; every refused caller is served when he comes back.
        Assert.Equal(Rows, (int)(await server.ApiGetAsync("vectors/count?collection=points")).Ok["count"]!);
        foreach (var _ in refused)
        {
            await server.WaitUntilAsync(
                "served", async () => (await server.ApiPostAsync("vectors/search", query)).Status == 200);
        }

        var metrics = await server.Http.GetStringAsync("/metrics");
        Assert.Contains(metrics.Split('\n'), line =>
            line.StartsWith("taishang_ai_call_duration_seconds_count", StringComparison.Ordinal)
            && line.Contains("SearchVectors", StringComparison.Ordinal)
            && line.Contains("ResourceExhausted", StringComparison.Ordinal));
    }

    private static void IsRight(ApiAnswer answer)
    {
        foreach (var batch in answer.Ok["batches"]!.AsArray())
            Assert.Equal("r0", (string)batch!["results"]![0]!["id"]!);
    }

    /// <summary>Rows on a line, and a batch of queries before its begin, scanned exactly.</summary>
    private static async Task<JsonNode> FillAsync(ServerProcess server)
    {
        await server.CreateCollectionAsync("points", Dims, "FLAT");
        var rows = Enumerable.Range(0, Rows).Select(i => new { id = $"r{i}", vector_b64 = Base64(i) });
        Assert.Equal(Rows, (int)(await server.ApiPostAsync(
            "vectors/upsert", new { collection = "points", vectors = rows })).Ok["count"]!);
        var vectors = Enumerable.Range(1, 200).Select(i => (JsonNode)Base64(-i)).ToArray();
        return new JsonObject { ["collection"] = "points", ["vectors"] = new JsonArray(vectors), ["top_k"] = 1 };
    }

    private static string Base64(float value)
    {
        var bytes = new byte[Dims * sizeof(float)];
        for (var i = 0; i < Dims; i++) BitConverter.TryWriteBytes(bytes.AsSpan(i * sizeof(float)), value);
        return Convert.ToBase64String(bytes);
    }
}
