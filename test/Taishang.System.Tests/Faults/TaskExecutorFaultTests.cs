using Taishang.Testing.Processes;

namespace Taishang.System.Tests.Faults;

/// <summary>Attempts that core hands to an ai worker, in processes of their own.</summary>
public sealed class TaskExecutorFaultTests : IDisposable
{
    private const int Texts = 40;

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_worker_killed_in_the_middle_costs_an_attempt_and_no_text()
    {
        var port = LoopbackPort.Free();
        SamplePlugIn.CopyTo(_folder.File("plugins"));
        var ai = await StartAiAsync(port);
        await using var core = await StartCoreAsync(port);
        await core.WaitUntilAsync("known", () => IsKnownAsync(core));
        var id = await CreateAsync(core, pauseMs: 100);
        await core.WaitUntilAsync("under way", async () => (int)(await TaskAsync(core, id))["progress"]! >= 10);

        await ai.KillAsync();
        await ai.DisposeAsync();
        // Nobody runs the type now: the task waits in the queue, and no attempt is used up by it.
        await core.WaitUntilAsync("given back", async () =>
            (string)(await TaskAsync(core, id))["status"]! == "pending");
        await using var again = await StartAiAsync(port);
        var task = await core.WaitForTaskAsync(id);

        Assert.True((string?)task["status"] == "completed", task.ToJsonString() + core.Output);
        Assert.Equal((2, Texts), ((int)task["attempt"]!, (int)task["result"]!["words"]!));
        Assert.Contains(
            "task_executor_lost, 50014", await ReasonAsync(core, id, "fail"), StringComparison.Ordinal);
        // Each text was counted once: what was saved before the death was not done again.
        Assert.Equal(Texts, (int)task["cost"]!["tokens"]!);
        Assert.Equal(Texts, (int)(await core.ApiGetAsync($"tasks/{id}/answers")).Ok["total"]!);
        var logs = (await core.ApiGetAsync($"tasks/{id}/logs")).Ok["logs"]!.AsArray()
            .Select(line => (string)line!["message"]!).ToArray();
        Assert.Contains("attempt 1 begins at text 0", logs);
        Assert.Contains(logs, line => line.StartsWith("attempt 2 begins at text ", StringComparison.Ordinal)
            && !line.EndsWith(" 0", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_core_killed_in_the_middle_ends_the_workers_attempt_and_the_next_core_goes_on()
    {
        var port = LoopbackPort.Free();
        SamplePlugIn.CopyTo(_folder.File("plugins"));
        await using var ai = await StartAiAsync(port);
        var core = await StartCoreAsync(port);
        await core.WaitUntilAsync("known", () => IsKnownAsync(core));
        var id = await CreateAsync(core, pauseMs: 100);
        await core.WaitUntilAsync("under way", async () => (int)(await TaskAsync(core, id))["progress"]! >= 10);

        await core.KillAsync();
        await core.DisposeAsync();
        await using var next = await StartCoreAsync(port);
        var task = await next.WaitForTaskAsync(id);

        Assert.True((string?)task["status"] == "completed", task.ToJsonString() + next.Output);
        Assert.Equal((2, Texts), ((int)task["attempt"]!, (int)task["result"]!["words"]!));
        Assert.Contains("task_worker_lost", await ReasonAsync(next, id, "rescue"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stopped_attempt_ends_its_step_on_the_worker_and_goes_on_from_there()
    {
        var port = LoopbackPort.Free();
        SamplePlugIn.CopyTo(_folder.File("plugins"));
        await using var ai = await StartAiAsync(port);
        await using var core = await StartCoreAsync(port);
        var id = await UnderWayAsync(core);

        var stopped = await core.ApiPostAsync($"tasks/{id}/stop", new { });
        await core.WaitUntilAsync("parked", async () => (string)(await TaskAsync(core, id))["status"]! == "pending");
        var parked = await TaskAsync(core, id);
        await core.ApiPostAsync($"tasks/{id}/start", new { });

        Assert.Equal(200, stopped.Status);
        Assert.Null(parked["queued_at"]);
        Assert.Contains("stop", await AssertNothingTwiceAsync(core, id));
    }

    [Fact]
    public async Task A_core_that_stops_gives_the_workers_attempt_back_at_the_end_of_its_step()
    {
        var port = LoopbackPort.Free();
        SamplePlugIn.CopyTo(_folder.File("plugins"));
        await using var ai = await StartAiAsync(port);
        var core = await StartCoreAsync(port);
        var id = await UnderWayAsync(core);

        await core.StopAsync();
        await core.DisposeAsync();
        await using var next = await StartCoreAsync(port);

        Assert.Contains("requeue", await AssertNothingTwiceAsync(next, id));
    }

    [Fact]
    public async Task An_ai_worker_that_stops_gives_its_attempt_back_at_once_and_another_goes_on()
    {
        var (first, second) = (LoopbackPort.Free(), LoopbackPort.Free());
        SamplePlugIn.CopyTo(_folder.File("plugins"));
        var ai = await StartAiAsync(first);
        await using var other = await StartAiAsync(second, "ai2");
        await using var core = await StartCoreAsync(first, second);
        // The second goes to the worker that the first left idle.
        string[] ids = [await UnderWayAsync(core), await UnderWayAsync(core)];

        await ai.StopAsync();
        await ai.DisposeAsync();

        var verbs = new List<string>();
        foreach (var id in ids) verbs.AddRange(await AssertNothingTwiceAsync(core, id));
        Assert.Contains("requeue", verbs);
    }

    [Fact]
    public async Task A_core_that_was_started_anew_takes_tasks_of_a_type_before_it_has_met_a_worker()
    {
        var port = LoopbackPort.Free();
        SamplePlugIn.CopyTo(_folder.File("plugins"));
        await using (var ai = await StartAiAsync(port))
        {
            await using var core = await StartCoreAsync(port);
            await core.WaitUntilAsync("known", () => IsKnownAsync(core));
            await core.StopAsync();
            await ai.StopAsync();
        }

        await using var next = await StartCoreAsync(port);
        var id = await CreateAsync(next, pauseMs: 0);
        var waiting = await TaskAsync(next, id);
        var refused = await next.ApiPostAsync("tasks", new { type = "word_cuont", payload = new { } });
        await using var again = await StartAiAsync(port);
        var task = await next.WaitForTaskAsync(id);

        Assert.Equal("pending", (string)waiting["status"]!);
        Assert.NotNull(waiting["executor_away"]!["seen_at"]);
        Assert.Equal(400, refused.Status);
        Assert.True((string?)task["status"] == "completed", task.ToJsonString() + next.Output);
        Assert.Null(task["executor_away"]);
    }

    /// <summary>The task completes in its first attempt, and each text was counted once; returns its trail.</summary>
    private static async Task<string[]> AssertNothingTwiceAsync(ServerProcess core, string id)
    {
        var task = await core.WaitForTaskAsync(id);
        Assert.True((string?)task["status"] == "completed", task.ToJsonString() + core.Output);
        Assert.Equal((1, Texts), ((int)task["attempt"]!, (int)task["result"]!["words"]!));
        Assert.Equal(Texts, (int)task["cost"]!["tokens"]!);
        var verbs = (await core.ApiGetAsync($"tasks/{id}/events")).Ok["events"]!.AsArray()
            .Select(line => (string)line!["verb"]!).ToArray();
        Assert.DoesNotContain("fail", verbs);
        Assert.DoesNotContain("rescue", verbs);
        return verbs;
    }

    private static async Task<string> UnderWayAsync(ServerProcess core)
    {
        await core.WaitUntilAsync("known", () => IsKnownAsync(core));
        var id = await CreateAsync(core, pauseMs: 100);
        await core.WaitUntilAsync("under way", async () => (int)(await TaskAsync(core, id))["progress"]! >= 10);
        return id;
    }

    private static async Task<string> ReasonAsync(ServerProcess core, string id, string verb) =>
        (string)(await core.ApiGetAsync($"tasks/{id}/events")).Ok["events"]!.AsArray()
            .Single(line => (string)line!["verb"]! == verb)!["message"]!;

    private static async Task<bool> IsKnownAsync(ServerProcess core) =>
        (await core.ApiPostAsync(
            "tasks", new { type = "word_count", payload = new { texts = new[] { "a" } } })).Status == 201;

    private static async Task<string> CreateAsync(ServerProcess core, int pauseMs) =>
        (string)(await core.ApiPostAsync("tasks", new
        {
            type = "word_count",
            payload = new { texts = Enumerable.Repeat("word", Texts), pause_ms = pauseMs },
            max_attempts = 3,
        })).Ok["id"]!;

    private static async Task<global::System.Text.Json.Nodes.JsonNode> TaskAsync(ServerProcess core, string id) =>
        (await core.ApiGetAsync($"tasks/{id}")).Ok;

    private Task<ServerProcess> StartAiAsync(int port, string data = "ai") => ServerProcess.StartAsync(
        _folder.File(data), "--role", "ai", "--grpc", $"http://127.0.0.1:{port}", "--set",
        $"Taishang:Ai:Tasks:PluginFolder={_folder.File("plugins")}");

    private Task<ServerProcess> StartCoreAsync(params int[] ports) => ServerProcess.StartAsync(
        _folder.File("core"), "--role", "core", "--ai",
        string.Join(',', ports.Select(port => $"http://127.0.0.1:{port}")), "--set",
        "Taishang:Tasks:Default:BackoffBaseMs=1");
}
