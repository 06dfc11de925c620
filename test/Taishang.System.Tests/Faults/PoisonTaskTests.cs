using System.Text.Json.Nodes;
using Taishang.Executors.Tests.Loading;
using Taishang.Testing.Processes;

namespace Taishang.System.Tests.Faults;

/// <summary>Tasks that take their process with them, as one does that runs out of memory.</summary>
public sealed class PoisonTaskTests : IDisposable
{
    private const int AttemptsMax = 2;

    private readonly TestFolder _folder = new();

    public PoisonTaskTests() => new PlugInWriter(_folder.File("plugins")).AddKiller("poison", "poison");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_task_that_kills_its_process_fails_after_its_attempts_and_the_others_run()
    {
        string poison, healthy;
        await using (var first = await StartAsync())
        {
            // Parked until its process is known to be ready for it: a start would be killed by what it was told.
            poison = await CreateAsync(first, autoStart: false);
            healthy = (string)(await first.ApiPostAsync("tasks", new
            {
                type = "embedding",
                payload = new { texts = new[] { "all is well" } },
                run_at = "2999-01-01T00:00:00Z",
            })).Ok["id"]!;
            await TellAsync(first, $"tasks/{poison}/start");
            await first.WaitForExitAsync();
        }

        for (var attempt = 2; attempt <= AttemptsMax; attempt++)
        {
            await using var dies = await StartAsync();
            await dies.WaitForExitAsync();
        }

        await using var lives = await StartAsync();
        var failed = await lives.WaitForTaskAsync(poison);
        Assert.Equal(("failed", AttemptsMax), ((string)failed["status"]!, (int)failed["attempt"]!));
        var errors = failed["errors"]!.AsArray();
        Assert.Equal(AttemptsMax, errors.Count);
        Assert.All(errors, error => Assert.Contains(
            "task_worker_lost", (string)error!["error"]!, StringComparison.Ordinal));
        await lives.ApiPutAsync($"tasks/{healthy}", new { run_at = "2026-01-01T00:00:00Z" });
        Assert.Equal("completed", (string)(await lives.WaitForTaskAsync(healthy))["status"]!);
    }

    [Fact]
    public async Task A_task_that_kills_its_ai_worker_fails_after_its_attempts_and_core_lives_on()
    {
        var port = LoopbackPort.Free();
        await using var core = await ServerProcess.StartAsync(
            _folder.File("core"), "--role", "core", "--ai", $"http://127.0.0.1:{port}", "--set",
            "Taishang:Tasks:Default:BackoffBaseMs=1");
        string? poison = null;
        for (var attempt = 1; attempt <= AttemptsMax; attempt++)
        {
            await using var ai = await ServerProcess.StartAsync(
                _folder.File("ai"), "--role", "ai", "--grpc", $"http://127.0.0.1:{port}", "--set",
                $"Taishang:Ai:Tasks:PluginFolder={_folder.File("plugins")}");
            if (poison is null)
            {
                await core.WaitUntilAsync("known", async () => (await PostAsync(core, autoStart: false)).Status == 201);
                poison = await CreateAsync(core, autoStart: true);
            }

            await ai.WaitForExitAsync();
        }

        var failed = await core.WaitForTaskAsync(poison!);
        Assert.Equal(("failed", AttemptsMax), ((string)failed["status"]!, (int)failed["attempt"]!));
        Assert.All(failed["errors"]!.AsArray(), error => Assert.Contains(
            "task_executor_lost", (string)error!["error"]!, StringComparison.Ordinal));
        Assert.False(core.HasExited);
    }

    /// <summary>Whoever is told may die before it answers.</summary>
    private static async Task TellAsync(ServerProcess server, string path)
    {
        try
        {
            await server.ApiPostAsync(path, new { });
        }
        catch (HttpRequestException)
        {
        }
    }

    private static async Task<string> CreateAsync(ServerProcess server, bool autoStart) =>
        (string)(await PostAsync(server, autoStart)).Ok["id"]!;

    private static Task<ApiAnswer> PostAsync(ServerProcess server, bool autoStart) => server.ApiPostAsync(
        "tasks",
        new { type = "poison", payload = new JsonObject(), max_attempts = AttemptsMax, auto_start = autoStart });

    private Task<ServerProcess> StartAsync() => ServerProcess.StartAsync(
        _folder.File("data"), "--set", $"Taishang:Tasks:PluginFolder={_folder.File("plugins")}", "--set",
        "Taishang:Tasks:Default:BackoffBaseMs=2000");
}
