using System.Diagnostics;
using Taishang.Ai.Tests.Models;
using Taishang.Testing.Processes;

namespace Taishang.System.Tests.Faults;

/// <summary>A cancel goes all the way: REST, the queue, core's worker, gRPC, the call that ai makes.</summary>
public sealed class TaskCancelTests(ITestOutputHelper output) : IDisposable
{
    /// <summary>Cancels that are measured, one after the other.</summary>
    private const int Rounds = 10;

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgresql")]
    public async Task A_cancel_breaks_off_the_request_that_ai_makes_for_the_task(string database)
    {
        await using var store = await SystemDatabase.MakeAsync(database);
        await using var endpoint = await EmbeddingServer.StartAsync();
        var port = LoopbackPort.Free();
        await using var ai = await ServerProcess.StartAsync(
            _folder.File("ai"), "--role", "ai", "--grpc", $"http://127.0.0.1:{port}");
        await using var core = await ServerProcess.StartAsync(
            _folder.File("core"), ["--role", "core", "--ai", $"http://127.0.0.1:{port}", .. store.Arguments]);
        await core.WaitReadyAsync();
        var model = await core.ApiPostAsync("models", new
        {
            name = "slow",
            provider = "openai",
            version = "1.0.0",
            endpoint = endpoint.Endpoint,
            config = new { model = "slow" },
        });
        Assert.True((string?)model.Ok["status"] == "active", model.Data!.ToJsonString());

        var took = new List<double>();
        for (var round = 0; round < Rounds; round++) took.Add(await CancelOneAsync(core, endpoint));

        var figures = string.Join(", ", took.Select(ms => $"{ms:0}"));
        output.WriteLine($"{database}: cancel to the endpoint in ms: {figures}");
    }

    private static async Task<double> CancelOneAsync(ServerProcess core, EmbeddingServer endpoint)
    {
        var came = new TaskCompletionSource();
        var left = new TaskCompletionSource<long>();
        endpoint.Instead = async context =>
        {
            context.RequestAborted.Register(() => left.TrySetResult(Stopwatch.GetTimestamp()));
            came.TrySetResult();
            await left.Task;
        };
        var id = (string)(await core.ApiPostAsync("tasks", new
        {
            type = "embedding",
            payload = new { texts = new[] { "hold this" }, model = "openai/slow" },
        })).Ok["id"]!;
        await came.Task.WaitAsync(ServerProcess.Patience);

        var asked = Stopwatch.GetTimestamp();
        var answer = core.ApiPostAsync($"tasks/{id}/cancel", new { });
        var reached = await left.Task.WaitAsync(ServerProcess.Patience);

        Assert.True((await answer).Status == 200);
        Assert.Equal("cancelled", (string)(await core.WaitForTaskAsync(id))["status"]!);
        return Stopwatch.GetElapsedTime(asked, reached).TotalMilliseconds;
    }
}
