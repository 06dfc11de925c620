using Taishang.Testing.Processes;

namespace Taishang.System.Tests.Executable;

/// <summary>The executable as a user meets it on the command line.</summary>
public sealed class ExecutableTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Help_names_every_switch()
    {
        var (code, output) = await ServerProcess.RunAsync("--help");
        Assert.Equal(0, code);
        string[] switches = ["--role", "--http", "--grpc", "--data", "--database", "--ai", "--set", "--version"];
        Assert.All(switches, name => Assert.Contains(name, output));
    }

    [Fact]
    public async Task Version_is_a_semantic_version()
    {
        var (code, output) = await ServerProcess.RunAsync("--version");
        Assert.Equal(0, code);
        Assert.Matches(@"^\d+\.\d+\.\d+", output);
    }

    [Fact]
    public async Task An_unknown_switch_is_refused_with_a_hint()
    {
        var (code, output) = await ServerProcess.RunAsync("--rol", "all");
        Assert.Equal(2, code);
        Assert.Contains("'--rol'", output);
        Assert.Contains("--role", output);
    }

    [Theory]
    [InlineData("--role", "boss")]
    [InlineData("--http", "ftp://somewhere")]
    [InlineData("--grpc", "7081")]
    [InlineData("--set", "no-equals-sign")]
    [InlineData("--set", "Taishang:StopTimeoutSeconds=never")]
    [InlineData("--set", "Taishang:StopTimeoutSeconds=0")]
    public async Task A_wrong_value_is_refused_by_name(string name, string value)
    {
        var (code, output) = await ServerProcess.RunAsync(name, value, "--data", _folder.Path);
        Assert.Equal(2, code);
        Assert.Contains(name == "--set" ? value.Split('=')[0].Split(':')[^1] : value, output);
    }

    [Fact]
    public async Task A_second_process_on_the_same_data_folder_is_told_who_holds_it()
    {
        await using var first = await ServerProcess.StartAsync(_folder.Path);
        var (code, output) = await ServerProcess.RunAsync("--data", _folder.Path, "--http", "http://127.0.0.1:0");
        Assert.Equal(3, code);
        Assert.Contains(_folder.Path, output);
        Assert.Contains($"pid {first.Pid}", output);
    }

    [Fact]
    public async Task A_second_core_on_one_SQLite_file_refuses_to_start_and_says_what_to_do()
    {
        var database = _folder.File("shared.db");
        await using var first = await ServerProcess.StartReadyAsync(_folder.File("one"), "--database", database);
        foreach (var name in new[] { database, $"Data Source={database}", _folder.File("one/../shared.db") })
        {
            var (code, output) = await ServerProcess.RunAsync(
                "--data", _folder.File("two"), "--http", "http://127.0.0.1:0", "--database", name);
            Assert.Equal(3, code);
            Assert.Contains("shared.db is used by another core process, and SQLite takes one", output);
            Assert.Contains("PostgreSQL", output);
        }

        await first.KillAsync();
        await using var second = await ServerProcess.StartReadyAsync(_folder.File("two"), "--database", database);
        Assert.False(second.HasExited);
    }

    [Fact]
    public async Task The_data_folder_is_free_again_after_a_kill()
    {
        await using (var first = await ServerProcess.StartAsync(_folder.Path)) await first.KillAsync();
        await using var second = await ServerProcess.StartReadyAsync(_folder.Path);
        Assert.False(second.HasExited);
    }

    [Fact]
    public async Task A_taken_address_is_said_and_not_a_stack_trace()
    {
        await using var first = await ServerProcess.StartAsync(_folder.Path);
        using var other = new TestFolder();
        var (code, output) = await ServerProcess.RunAsync(
            "--data", other.Path, "--http", first.HttpAddress!, "--grpc", "http://127.0.0.1:0");
        Assert.Equal(4, code);
        // The log keeps the stack; the person at the terminal gets one line.
        var said = Assert.Single(output.Split('\n'), line => line.StartsWith("taishang: ", StringComparison.Ordinal));
        Assert.Contains(first.HttpAddress!, said);
        Assert.DoesNotContain(output.Split('\n'), line => line.StartsWith("   at ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_banner_names_addresses_and_data_folder()
    {
        await using var server = await ServerProcess.StartAsync(_folder.Path);
        Assert.Contains(server.HttpAddress!, server.Output);
        Assert.Contains(server.GrpcAddress!, server.Output);
        Assert.Contains(_folder.Path, server.Output);
    }

    [Fact]
    public async Task A_term_signal_stops_gracefully_with_exit_code_0()
    {
        await using var server = await ServerProcess.StartReadyAsync(_folder.Path);
        Assert.Equal(0, await server.StopAsync());
    }

    [Fact]
    public async Task Core_and_ai_run_as_two_processes()
    {
        using var aiFolder = new TestFolder();
        await using var ai = await ServerProcess.StartAsync(aiFolder.Path, "--role", "ai");
        await using var core = await ServerProcess.StartReadyAsync(
            _folder.Path, "--role", "core", "--ai", ai.GrpcAddress!);
        var answer = await core.ApiPostAsync("vectors/embed", new { text = "two processes, one system" });
        Assert.Equal(1024, answer.Ok["embedding"]!.AsArray().Count);
    }
}
