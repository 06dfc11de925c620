using System.Diagnostics;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Taishang.Core.Api;
using Taishang.Core.Tasks;
using Taishang.Executors;
using Taishang.Testing.Hosts;

namespace Taishang.Bench.Tasks;

/// <summary>A core with an executor that does nothing, and what a benchmark does with it.</summary>
internal sealed class TaskBenchHost : IAsyncDisposable
{
    public const string Noop = "noop";

    /// <summary>Callers that create tasks at once.</summary>
    public const int Creators = 256;

    private const string CompletedPath = "/api/taishang/tasks?type=noop&status=completed&page_size=1";

    private readonly NoopExecutor _executor;

    private TaskBenchHost(CoreHost host, NoopExecutor executor) => (Host, _executor) = (host, executor);

    public CoreHost Host { get; }

    public TaskCreator Creator => Host.Services.GetRequiredService<TaskCreator>();

    /// <summary>Called with the id of each task as it starts.</summary>
    public Action<string>? Started
    {
        set => _executor.Started = value;
    }

    /// <param name="runs">False: tasks are created here and run elsewhere.</param>
    public static async Task<TaskBenchHost> StartAsync(string connection, bool runs = true)
    {
        var executor = new NoopExecutor();
        var host = await CoreHost.StartAsync(new CoreHostOptions
        {
            Connection = connection,
            ConfigureServices = services =>
            {
                if (runs) services.AddSingleton<ITaskExecutor>(executor);
            },
        });
        return new TaskBenchHost(host, executor);
    }

    /// <summary>Creates the tasks from many callers and waits until all stand as completed; tasks a second.</summary>
    public async Task<double> RunAsync(int count, CancellationToken cancellation)
    {
        var before = await CompletedAsync();
        var all = _executor.AfterRuns(count);
        var watch = Stopwatch.StartNew();
        await CreateAsync(count, cancellation);
        // To count what is completed costs the database something: only once all have run.
        await all.WaitAsync(TimeSpan.FromMinutes(10), cancellation);
        await WaitAsync(before + count, cancellation);
        return count / watch.Elapsed.TotalSeconds;
    }

    public Task CreateAsync(int count, CancellationToken cancellation) => Parallel.ForAsync(
        0, count, new ParallelOptions { MaxDegreeOfParallelism = Creators, CancellationToken = cancellation },
        async (_, token) => await Creator.CreateAsync(new NewTask(Noop, "{}"), token));

    public async Task WaitAsync(long completed, CancellationToken cancellation)
    {
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        while (await CompletedAsync() < completed) await pause.WaitForNextTickAsync(cancellation);
    }

    public async Task<long> CompletedAsync() => (await Host.Api.GetAsync(CompletedPath))["total"].GetInt64();

    public ValueTask DisposeAsync() => Host.DisposeAsync();

    private sealed class NoopExecutor : ITaskExecutor
    {
        public string Type => Noop;

        private TaskCompletionSource _all = new();
        private int _left;

        public Action<string>? Started { get; set; }

        /// <summary>Completes when so many have run from now on.</summary>
        public Task AfterRuns(int count)
        {
            _all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _left = count;
            return _all.Task;
        }

        public void Validate(JsonElement payload, PayloadErrors errors)
        {
        }

        public Task<string?> ExecuteAsync(TaskContext context, CancellationToken cancellation)
        {
            Started?.Invoke(context.TaskId);
            if (Interlocked.Decrement(ref _left) == 0) _all.TrySetResult();
            return Task.FromResult<string?>(null);
        }
    }
}
