using Taishang.Testing.Processes;

namespace Taishang.System.Tests.Faults;

/// <summary>
/// The worker is away, hangs or restarts while core runs: clear answers, records, recovery by itself.
/// </summary>
public sealed class AiFaultTests : IDisposable
{
    private readonly TestFolder _coreFolder = new();
    private readonly TestFolder _aiFolder = new();

    public void Dispose()
    {
        _coreFolder.Dispose();
        _aiFolder.Dispose();
    }

    [Fact]
    public async Task Without_a_worker_calls_get_503_with_a_code_and_work_once_it_comes()
    {
        var port = LoopbackPort.Free();
        await using var core = await StartCoreAsync(port);
        var away = await core.ApiPostAsync("vectors/embed", new { text = "nobody is there" });
        Assert.Equal((503, 90001), (away.Status, away.Code));
        Assert.NotNull(away.Response.Headers.RetryAfter);
        Assert.Equal(503, (int)(await core.Http.GetAsync("/readyz")).StatusCode);

        await using var ai = await StartAiAsync(port);
        await core.WaitReadyAsync();
        var back = await core.ApiPostAsync("vectors/embed", new { text = "somebody is there" });
        Assert.Equal(1024, back.Ok["embedding"]!.AsArray().Count);
    }

    [Fact]
    public async Task A_hanging_worker_gets_504_and_is_recorded_as_timeout()
    {
        var port = LoopbackPort.Free();
        await using var ai = await StartAiAsync(port);
        await using var core = await StartCoreAsync(port, "--set", "Taishang:Ai:DeadlinesMs:ComputeEmbedding=500");
        await core.WaitReadyAsync();
        // The first call of a fresh worker may take longer than this deadline.
        await core.WaitUntilAsync("warm", () => IsEmbeddedAsync(core));

        ai.Pause();
        var slow = await core.ApiPostAsync("vectors/embed", new { text = "anybody?" });
        Assert.Equal((504, 90002), (slow.Status, slow.Code));
        ai.Resume();
        await core.WaitUntilAsync("recovered", () => IsEmbeddedAsync(core));

        await core.WaitUntilAsync("recorded", async () =>
            (long)(await core.ApiGetAsync("service_calls?status=timeout&method=ComputeEmbedding")).Ok["total"]! >= 1);
        var call = (await core.ApiGetAsync("service_calls?status=timeout&method=ComputeEmbedding")).Ok["calls"]![0]!;
        Assert.Equal("taishang-core", (string)call["source_service"]!);
        Assert.Equal("taishang-ai", (string)call["target_service"]!);
        Assert.NotEmpty((string)call["error_msg"]!);
    }

    [Fact]
    public async Task A_killed_worker_gets_503_and_serves_its_collections_again_after_a_restart()
    {
        var port = LoopbackPort.Free();
        var ai = await StartAiAsync(port);
        await using var core = await StartCoreAsync(port);
        await core.WaitReadyAsync();
        await core.CreateCollectionAsync("kept", 2);
        var row = new { id = "a", vector = new[] { 1.0, 2.0 } };
        _ = (await core.ApiPostAsync("vectors/upsert", new { collection = "kept", vectors = new[] { row } })).Ok;

        await ai.KillAsync();
        await ai.DisposeAsync();
        var away = await SearchAsync(core);
        Assert.Equal(503, away.Status);
        Assert.InRange(away.Code, 90001, 90004);

        await using var again = await StartAiAsync(port);
        await core.WaitUntilAsync("recovered", async () => (await SearchAsync(core)).Status == 200);
        Assert.Equal("a", (string)(await SearchAsync(core)).Ok["results"]![0]!["id"]!);
        await core.WaitUntilAsync("recorded", async () =>
            (long)(await core.ApiGetAsync("service_calls?status=failed")).Ok["total"]! >= 1);
    }

    private static Task<ApiAnswer> SearchAsync(ServerProcess core) => core.ApiPostAsync(
        "vectors/search", new { collection = "kept", vector = new[] { 1.0, 2.0 }, top_k = 1 });

    private static async Task<bool> IsEmbeddedAsync(ServerProcess core) =>
        (await core.ApiPostAsync("vectors/embed", new { text = "hello" })).Status == 200;

    private Task<ServerProcess> StartAiAsync(int port) =>
        ServerProcess.StartAsync(_aiFolder.Path, "--role", "ai", "--grpc", $"http://127.0.0.1:{port}");

    private Task<ServerProcess> StartCoreAsync(int port, params string[] more) => ServerProcess.StartAsync(
        _coreFolder.Path, ["--role", "core", "--ai", $"http://127.0.0.1:{port}", .. more]);
}
