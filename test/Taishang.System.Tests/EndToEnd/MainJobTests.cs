using System.Diagnostics;
using System.Text.Json.Nodes;
using Taishang.System.Tests.Faults;
using Taishang.Testing.Processes;

namespace Taishang.System.Tests.EndToEnd;

/// <summary>The main job from one end to the other, on both databases, in the real process.</summary>
public sealed class MainJobTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgresql")]
    public async Task Text_goes_in_is_indexed_as_a_task_is_found_and_every_call_is_recorded(string database)
    {
        await using var store = await SystemDatabase.MakeAsync(database);
        await using var server = await ServerProcess.StartReadyAsync(_folder.Path, store.Arguments);

        var model = (await server.ApiGetAsync("models?name=taishang-embed")).Ok["models"]![0]!;
        Assert.Equal(("builtin", "active"), ((string)model["provider"]!, (string)model["status"]!));
        var created = (await server.ApiPostAsync("vector_collections", new
        {
            name = "passages",
            dims = (int)model["dims"]!,
            index_type = "HNSW",
            metric_type = "cosine",
            model = "taishang-embed",
        })).Ok;
        Assert.Equal("building", (string)created["status"]!);

        await LoadAsync(server);
        var task = await server.BuildAsync((string)created["id"]!);
        Assert.Equal(("completed", 100), ((string)task["status"]!, (int)task["progress"]!));
        var built = (await server.ApiGetAsync($"vector_collections/{created["id"]}")).Ok;
        Assert.Equal("ready", (string)built["status"]!);

        var found = (await server.ApiPostAsync("vectors/search", new
        {
            collection = "passages",
            text = "which stars point north?",
            top_k = 1,
            include = new[] { "metadata" },
        })).Ok["results"]![0]!;
        Assert.Equal("stars-north", (string)found["id"]!);

        string[] methods = ["ComputeEmbedding", "CreateCollection", "UpsertVectors", "BuildIndex", "SearchVectors"];
        await server.WaitUntilAsync("every call recorded", async () =>
        {
            var calls = (await server.ApiGetAsync("service_calls?page_size=200")).Ok["calls"]!.AsArray();
            return methods.All(method => calls.Any(call => (string)call!["method"]! == method));
        });
    }

    [Fact]
    public async Task One_trace_id_joins_request_task_attempt_and_calls()
    {
        await using var server = await ServerProcess.StartReadyAsync(_folder.Path);
        var trace = ActivityTraceId.CreateRandom().ToHexString();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/taishang/tasks")
        {
            Content = new StringContent(
                """{"type": "embedding", "payload": {"texts": ["one", "two"]}}""", null, "application/json"),
        };
        request.Headers.Add("traceparent", $"00-{trace}-{ActivitySpanId.CreateRandom().ToHexString()}-01");
        request.Headers.Add("X-Request-Id", "request-42");
        var answer = await server.Http.SendAsync(request);
        Assert.Contains(trace, string.Join("", answer.Headers.GetValues("traceparent")));
        Assert.Equal("request-42", string.Join("", answer.Headers.GetValues("X-Request-Id")));

        var id = (string)JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["data"]!["id"]!;
        var task = await server.WaitForTaskAsync(id);
        Assert.Equal(("completed", trace), ((string)task["status"]!, (string)task["trace_id"]!));
        await server.WaitUntilAsync("the task's call recorded", async () =>
            (long)(await server.ApiGetAsync($"service_calls?trace_id={trace}")).Ok["total"]! >= 1);
    }

    [Fact]
    public async Task A_text_that_the_model_refuses_is_named_by_its_row_and_once()
    {
        await using var server = await ServerProcess.StartReadyAsync(_folder.Path);
        _ = (await server.ApiPostAsync("vector_collections", new
        {
            name = "texts",
            dims = 1024,
            index_type = "FLAT",
            metric_type = "cosine",
            model = "taishang-embed",
        })).Ok;
        object[] rows = [new { id = "a", vector = new float[1024].Append(1).Skip(1) }, new { id = "b", text = " " }];
        var refused = await server.ApiPostAsync("vectors/upsert", new { collection = "texts", vectors = rows });
        Assert.Equal(400, refused.Status);
        Assert.StartsWith("vectors[1].text: ", refused.Message);
        Assert.DoesNotContain("texts[", refused.Message);
        Assert.Equal(0, (long)(await server.ApiGetAsync("vectors/count?collection=texts")).Ok["count"]!);

        var single = await server.ApiPostAsync("vectors/embed", new { text = " " });
        Assert.StartsWith("text: ", single.Message);
    }

    [Fact]
    public async Task Metrics_count_requests_tasks_vectors_and_calls()
    {
        await using var server = await ServerProcess.StartReadyAsync(_folder.Path);
        await server.CreateCollectionAsync("counted", 2);
        var row = new { id = 1, vector = new[] { 1.0, 2.0 } };
        _ = (await server.ApiPostAsync("vectors/upsert", new { collection = "counted", vectors = new[] { row } })).Ok;
        _ = (await server.ApiPostAsync("vectors/search", new { collection = "counted", vector = row.vector })).Ok;
        var task = (await server.ApiPostAsync(
            "tasks", new { type = "embedding", payload = new { texts = new[] { "x" } } })).Ok;
        await server.WaitForTaskAsync((string)task["id"]!);

        var metrics = await server.Http.GetStringAsync("/metrics");
        string[] names = ["http_server_request_duration_seconds_count", "taishang_"];
        Assert.All(names, name => Assert.Contains(name, metrics));
        string[] families = ["task", "vector", "search", "call"];
        Assert.All(families, family => Assert.Contains(
            metrics.Split('\n'),
            line => line.StartsWith("taishang_", StringComparison.Ordinal) && line.Contains(family)));
    }

    [Fact]
    public async Task A_real_onnx_model_is_registered_and_embeds()
    {
        if (Repository.TestData is not { } data) { Assert.Skip("no test data: set TAISHANG_TEST_DATA"); return; }
        var models = Directory.CreateDirectory(Path.Combine(_folder.Path, "models", "use-lite"));
        foreach (var file in Directory.EnumerateFiles(Path.Combine(data, "test-model-use-lite")))
            File.Copy(file, Path.Combine(models.FullName, Path.GetFileName(file)));
        await using var server = await ServerProcess.StartReadyAsync(_folder.Path);
        var model = (await server.ApiPostAsync(
            "models", new { name = "use-lite", provider = "onnx", version = "1.0.0" })).Ok;
        Assert.Equal(("active", 512), ((string)model["status"]!, (int)model["dims"]!));
        var answer = (await server.ApiPostAsync(
            "vectors/embed", new { texts = new[] { "a cat", "a kitten", "the stock market" }, model = "use-lite" })).Ok;
        var vectors =
            answer["embeddings"]!.AsArray().Select(v => v!.AsArray().Select(x => (float)x!).ToArray()).ToArray();
        Assert.True(Dot(vectors[0], vectors[1]) > Dot(vectors[0], vectors[2]) + 0.1f);
    }

    private static float Dot(float[] a, float[] b) => a.Zip(b, (x, y) => x * y).Sum();

    private static async Task LoadAsync(ServerProcess server)
    {
        var lines =
            await File.ReadAllLinesAsync(Path.Combine(Repository.Root, "samples/first-search/corpus/corpus.jsonl"));
        var rows = lines.Select(line => JsonNode.Parse(line)!).Select(document => new
        {
            id = (string)document["id"]!,
            text = (string)document["text"]!,
            metadata = new { text = (string)document["text"]! },
        }).ToArray();
        var answer = await server.ApiPostAsync("vectors/upsert", new { collection = "passages", vectors = rows });
        Assert.Equal(rows.Length, (int)answer.Ok["count"]!);
    }
}
