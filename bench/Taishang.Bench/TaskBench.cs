using System.Diagnostics;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Taishang.Core.Api;
using Taishang.Core.Tasks;
using Taishang.Testing.Hosts;
using Taishang.Testing.Processes;

namespace Taishang.Bench;

/// <summary>
/// Tasks that do nothing, created, run and completed through the durable queue: what is measured is the queue. On a
/// SQLite file and on a PostgreSQL server of the benchmark's own, both with their durable defaults.
/// </summary>
internal static class TaskBench
{
    private const int Creators = 64;
    private const string CompletedPath = "/api/taishang/tasks?type=noop&status=completed&page_size=1";

    public static async Task RunAsync(BenchSize size, CancellationToken cancellation)
    {
        using var folder = new TestFolder();
        await MeasureAsync("sqlite", folder.File("tasks.db"), size, cancellation);
        await using var postgres = await BenchPostgres.StartAsync(folder.File("postgres"));
        await MeasureAsync("postgresql", postgres.Connection, size, cancellation);
    }

    private static async Task MeasureAsync(
        string name, string connection, BenchSize size, CancellationToken cancellation)
    {
        var report = new Report($"tasks {name}, {size.Tasks} no-op tasks, {Creators} creators");
        var done = new Countdown();
        await using var host = await CoreHost.StartAsync(new CoreHostOptions
        {
            Connection = connection,
            ConfigureServices = services => services.AddSingleton(done).AddTaskExecutor<NoopExecutor>(),
        });
        var creator = host.Services.GetRequiredService<TaskCreator>();
        var warmUp = Math.Min(size.Tasks, 500);
        await RunAsync(host, creator, done, warmUp, warmUp, cancellation);

        var watch = Stopwatch.StartNew();
        await RunAsync(host, creator, done, size.Tasks, warmUp + size.Tasks, cancellation);
        report.Add("created, run, completed", size.Tasks / watch.Elapsed.TotalSeconds, "tasks/s");
        report.Print();
    }

    /// <summary>Creates the tasks from many callers at once and waits until all of them stand as completed.</summary>
    private static async Task RunAsync(
        CoreHost host, TaskCreator creator, Countdown done, int count, long completed, CancellationToken cancellation)
    {
        done.Reset(count);
        await Parallel.ForAsync(
            0, count, new ParallelOptions { MaxDegreeOfParallelism = Creators, CancellationToken = cancellation },
            async (_, token) => await creator.CreateAsync(new NewTask("noop", "{}"), token));
        await done.Zero.WaitAsync(TimeSpan.FromMinutes(5), cancellation);
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        while ((await host.Api.GetAsync(CompletedPath))["total"].GetInt64() < completed)
            await pause.WaitForNextTickAsync(cancellation);
    }

    private sealed class NoopExecutor(Countdown done) : ITaskExecutor
    {
        public string Type => "noop";

        public void Validate(JsonElement payload, FieldErrors errors)
        {
        }

        public Task<string?> ExecuteAsync(TaskContext context, CancellationToken cancellation)
        {
            done.Signal();
            return Task.FromResult<string?>(null);
        }
    }

    private sealed class Countdown
    {
        private TaskCompletionSource _zero = new();
        private int _left;

        public Task Zero => _zero.Task;

        public void Reset(int count)
        {
            _zero = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _left = count;
        }

        public void Signal()
        {
            if (Interlocked.Decrement(ref _left) == 0) _zero.SetResult();
        }
    }
}

/// <summary>A PostgreSQL server of the benchmark's own, started and ended by the project's script.</summary>
internal sealed class BenchPostgres : IAsyncDisposable
{
    private readonly string _folder;

    private BenchPostgres(string folder, string connection)
    {
        _folder = folder;
        Connection = connection;
    }

    public string Connection { get; }

    public static async Task<BenchPostgres> StartAsync(string folder) =>
        new(folder, (await ScriptAsync("start", folder)).Trim());

    public async ValueTask DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        await ScriptAsync("stop", _folder);
    }

    private static async Task<string> ScriptAsync(string action, string folder)
    {
        var start = new ProcessStartInfo(Path.Combine(Repository.Root, "scripts/test-postgres"))
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
        };
        start.ArgumentList.Add(action);
        start.ArgumentList.Add(folder);
        using var script = Process.Start(start)!;
        // The server it starts keeps the stream open, so one line is read and not the end of the stream.
        var line = action == "start" ? await script.StandardOutput.ReadLineAsync() : null;
        await script.WaitForExitAsync();
        if (script.ExitCode != 0) throw new InvalidOperationException($"scripts/test-postgres {action} failed");
        return line ?? "";
    }
}
