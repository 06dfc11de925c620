using Taishang.Testing.Processes;

namespace Taishang.System.Tests.EndToEnd;

/// <summary>An executor in an assembly of its own, loaded by the real server.</summary>
public sealed class PlugInTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_sample_runs_a_task_that_is_checked_logged_answered_and_paid_for()
    {
        var plugIns = SamplePlugIn.CopyTo(_folder.File("plugins"));
        await using var server = await ServerProcess.StartReadyAsync(
            _folder.File("data"), "--set", $"Taishang:Tasks:PluginFolder={plugIns}");

        var refused = await server.ApiPostAsync("tasks", new { type = "word_count", payload = new { texts = 5 } });
        var made = await server.ApiPostAsync(
            "tasks", new { type = "word_count", payload = new { texts = new[] { "one two", "three", "" } } });
        var id = (string)made.Ok["id"]!;
        var task = await server.WaitForTaskAsync(id);

        Assert.Equal((400, 50004), (refused.Status, refused.Code));
        Assert.Contains("payload.texts", refused.Message, StringComparison.Ordinal);
        Assert.True((string?)task["status"] == "completed", task.ToJsonString());
        Assert.Equal((3, 3), ((int)task["result"]!["texts"]!, (int)task["result"]!["words"]!));
        Assert.Equal((100, 3), ((int)task["progress"]!, (int)task["cost"]!["tokens"]!));
        var answers = (await server.ApiGetAsync($"tasks/{id}/answers")).Ok;
        Assert.Equal([2, 1, 0], answers["answers"]!.AsArray().Select(one => (int)one!["answer"]!["words"]!));
        var logs = (await server.ApiGetAsync($"tasks/{id}/logs")).Ok["logs"]!.AsArray();
        Assert.Equal("counted 3 words in 3 texts", (string)logs[^1]!["message"]!);
    }

    [Fact]
    public async Task Without_the_setting_its_type_is_unknown()
    {
        SamplePlugIn.CopyTo(_folder.File("plugins"));
        await using var server = await ServerProcess.StartReadyAsync(_folder.File("data"));

        var answer = await server.ApiPostAsync(
            "tasks", new { type = "word_count", payload = new { texts = new[] { "a" } } });

        Assert.Equal((400, 50003), (answer.Status, answer.Code));
    }

    [Theory]
    [InlineData("Taishang:Tasks:PluginFolder", "all")]
    [InlineData("Taishang:Ai:Tasks:PluginFolder", "ai")]
    public async Task A_plug_in_that_does_not_load_or_is_there_twice_stops_the_start_by_name(
        string setting, string role)
    {
        var plugIns = SamplePlugIn.CopyTo(_folder.File("plugins"));
        Directory.Move(Path.Combine(plugIns, "word-count"), Path.Combine(plugIns, "renamed"));
        var (code, output) = await RunAsync(setting, role, plugIns);
        Assert.NotEqual(0, code);
        Assert.Contains(
            "taishang: configuration: the plug-in renamed has no renamed.dll", output, StringComparison.Ordinal);

        // The same assembly under two names.
        Directory.Delete(plugIns, recursive: true);
        SamplePlugIn.CopyTo(plugIns);
        var second = Directory.CreateDirectory(Path.Combine(plugIns, "words")).FullName;
        File.Copy(Path.Combine(plugIns, "word-count/word-count.dll"), Path.Combine(second, "words.dll"));
        (code, output) = await RunAsync(setting, role, plugIns);
        Assert.NotEqual(0, code);
        Assert.Contains(
            "taishang: configuration: two executors are registered for the type word_count", output,
            StringComparison.Ordinal);
    }

    private Task<(int ExitCode, string Output)> RunAsync(string setting, string role, string plugIns) =>
        ServerProcess.RunAsync(
            "--data", _folder.File("data"), "--role", role, "--grpc", "http://127.0.0.1:0", "--set",
            $"{setting}={plugIns}");
}
