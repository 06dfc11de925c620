using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Nodes;

namespace Taishang.Testing.Processes;

/// <summary>
/// The real executable in a process of its own, on loopback ports that the system chose. Killing it is a real
/// <c>kill -9</c>; disposing it leaves nothing behind but the data folder, which belongs to the test.
/// </summary>
public sealed partial class ServerProcess : IAsyncDisposable
{
    /// <summary>Longest wait for a start, a readiness or a stop. A machine under load is slow, not broken.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private const int SigTerm = 15;
    private const int SigStop = 19;
    private const int SigContinue = 18;

    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ServerProcess(Process process) => _process = process;

    public int Pid => _process.Id;

    public HttpClient Http { get; private set; } = new();

    public string? HttpAddress { get; private set; }

    public string? GrpcAddress { get; private set; }

    /// <summary>Everything the process wrote so far, both streams, for the message of a failing test.</summary>
    public string Output
    {
        get
        {
            lock (_output) return _output.ToString();
        }
    }

    public bool HasExited => _process.HasExited;

    /// <summary>Waits until the process has ended by itself.</summary>
    public Task WaitForExitAsync() => _process.WaitForExitAsync().WaitAsync(Patience);

    /// <summary>Starts the executable and waits until it has printed its addresses.</summary>
    public static Task<ServerProcess> StartAsync(string dataFolder, params string[] arguments) =>
        StartAsync(dataFolder, new Dictionary<string, string>(), arguments);

    /// <param name="environment">Variables that the process gets beside those of the test.</param>
    public static async Task<ServerProcess> StartAsync(
        string dataFolder, IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        var all = new List<string> { "--data", dataFolder };
        if (!arguments.Contains("--http") && !arguments.Contains("ai")) all.AddRange(["--http", "http://127.0.0.1:0"]);
        if (!arguments.Contains("--grpc") && !arguments.Contains("core"))
            all.AddRange(["--grpc", "http://127.0.0.1:0"]);
        all.AddRange(arguments);
        var server = Launch(all, environment);
        var exited = server._process.WaitForExitAsync();
        var first = await Task.WhenAny(server._started.Task, exited, Task.Delay(Patience));
        if (first != server._started.Task)
        {
            await server.DisposeAsync();
            throw new InvalidOperationException($"the server did not start:\n{server.Output}");
        }

        var note = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(dataFolder, "server.json")))!;
        server.HttpAddress = (string?)note["http"];
        server.GrpcAddress = (string?)note["grpc"];
        if (server.HttpAddress is not null)
            server.Http = new HttpClient { BaseAddress = new Uri(server.HttpAddress), Timeout = Patience };
        return server;
    }

    /// <summary>Starts the executable for what it prints and returns: usage, refusals.</summary>
    public static async Task<(int ExitCode, string Output)> RunAsync(params string[] arguments)
    {
        await using var server = Launch(arguments, new Dictionary<string, string>());
        await server._process.WaitForExitAsync().WaitAsync(Patience);
        return (server._process.ExitCode, server.Output);
    }

    /// <summary>Starts the executable and waits until /readyz says yes.</summary>
    public static async Task<ServerProcess> StartReadyAsync(string dataFolder, params string[] arguments)
    {
        var server = await StartAsync(dataFolder, arguments);
        try
        {
            await server.WaitReadyAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    public Task WaitReadyAsync() => WaitUntilAsync(
        "ready", async () => (await Http.GetAsync("/readyz")).StatusCode == HttpStatusCode.OK);

    /// <summary>Asks again, with a pause of 50 ms, until true or out of patience.</summary>
    public Task WaitUntilAsync(string what, Func<Task<bool>> condition) => WaitUntilAsync(what, Patience, condition);

    public async Task WaitUntilAsync(string what, TimeSpan patience, Func<Task<bool>> condition)
    {
        var watch = Stopwatch.StartNew();
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        var last = "";
        while (watch.Elapsed < patience)
        {
            try
            {
                if (await condition()) return;
            }
            catch (HttpRequestException e)
            {
                last = e.Message;
            }

            if (_process.HasExited) break;
            await pause.WaitForNextTickAsync();
        }

        throw new TimeoutException($"not {what} in {patience.TotalSeconds} s. {last}\n{Output}");
    }

    public async Task<JsonNode> PostAsync(string path, object body)
    {
        var answer = await Http.PostAsJsonAsync(path, body);
        return JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
    }

    public async Task<JsonNode> GetAsync(string path) =>
        JsonNode.Parse(await (await Http.GetAsync(path)).Content.ReadAsStringAsync())!;

    /// <summary>A real kill -9; returns when the process is gone.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync().WaitAsync(Patience);
    }

    /// <summary>SIGTERM; returns the exit code.</summary>
    public async Task<int> StopAsync()
    {
        _ = Signal(Pid, SigTerm);
        await _process.WaitForExitAsync().WaitAsync(Patience);
        return _process.ExitCode;
    }

    /// <summary>SIGSTOP: alive, holding its sockets, answering nothing.</summary>
    public void Pause() => _ = Signal(Pid, SigStop);

    public void Resume() => _ = Signal(Pid, SigContinue);

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        if (!_process.HasExited) await KillAsync();
        _process.Dispose();
    }

    private static ServerProcess Launch(
        IEnumerable<string> arguments, IReadOnlyDictionary<string, string> environment)
    {
        var start = new ProcessStartInfo("dotnet")
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetTempPath(),
        };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "taishang.dll"));
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        foreach (var (name, value) in environment) start.Environment[name] = value;
        var server = new ServerProcess(new Process { StartInfo = start });
        server._process.OutputDataReceived += (_, line) => server.Read(line.Data);
        server._process.ErrorDataReceived += (_, line) => server.Read(line.Data);
        server._process.Start();
        server._process.BeginOutputReadLine();
        server._process.BeginErrorReadLine();
        return server;
    }

    private void Read(string? line)
    {
        if (line is null) return;
        lock (_output) _output.AppendLine(line);
        if (line.Contains("Ctrl+C stops", StringComparison.Ordinal)) _started.TrySetResult();
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Signal(int pid, int signal);
}
