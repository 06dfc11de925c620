using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Taishang.Core.Api;
using Taishang.Core.Data;
using Taishang.Core.Tasks;
using Taishang.Executors;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Tasks;

/// <summary>A database of its own and as many processes' worth of the scheduler on it as a test wants.</summary>
internal sealed class TaskWorld : IAsyncDisposable
{
    /// <summary>Nothing that a test waits for takes so long, unless it never comes.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly List<TaskNode> _nodes = [];
    private readonly Action<TaskOptions>? _configure;

    private TaskWorld(DatabaseWorld data, Action<TaskOptions>? configure)
    {
        Data = data;
        _configure = configure;
        Node = new TaskNode(this, data.Database, configure, new TestExecutor("index"));
        _nodes.Add(Node);
    }

    public DatabaseWorld Data { get; }

    /// <summary>The first process; its worker is not started.</summary>
    public TaskNode Node { get; }

    /// <summary>The clock stands still: for what is called directly.</summary>
    public static async Task<TaskWorld> FrozenAsync(Dialect dialect, Action<TaskOptions>? configure = null) =>
        new(await DatabaseWorld.CreateFrozenAsync(dialect), options =>
        {
            options.VerbWaitMs = 0;
            options.Types.Clear();
            configure?.Invoke(options);
        });

    /// <summary>The clock runs, and everything is quick but what waits for a worker: for workers.</summary>
    public static async Task<TaskWorld> LiveAsync(Dialect dialect, Action<TaskOptions>? configure = null) =>
        new(await DatabaseWorld.CreateAsync(dialect), options =>
        {
            options.PollIntervalMs = 20;
            options.WishPollMs = 20;
            options.RescueIntervalMs = 50;
            options.LeaderIntervalMs = 20;
            options.LeaderLeaseMs = 500;
            options.VerbWaitMs = (int)Patience.TotalMilliseconds;
            options.OnlyProcess = false;
            options.ShutdownFinishMs = 0;
            options.Types.Clear();
            options.Default.BackoffBaseMs = 1;
            options.Default.BackoffMaxMs = 1;
            configure?.Invoke(options);
        });

    /// <summary>Another process on the same database, with a door of its own.</summary>
    /// <param name="clock">Of the process, when it is not that of the database.</param>
    public TaskNode AddNode(
        ITaskExecutor executor, Action<TaskOptions>? configure = null, TimeProvider? clock = null)
    {
        var node = new TaskNode(
            this, Data.OpenAnother(),
            options =>
            {
                _configure?.Invoke(options);
                configure?.Invoke(options);
            },
            executor, clock);
        _nodes.Add(node);
        return node;
    }

    public Task<AiTask> AddAsync(Func<NewTask, NewTask>? change = null)
    {
        var task = new NewTask("index", """{"collection":"points"}""");
        return Data.Database.WriteAsync(
            session => Node.Store.CreateAsync(session, change?.Invoke(task) ?? task), default);
    }

    public Task<AiTask> GetAsync(string id) => Node.Store.GetAsync(id, default);

    /// <summary>The words of the trail, such as "create queued".</summary>
    public async Task<string[]> TrailAsync(string id)
    {
        var query = new ListQuery(1, 200, null, new Dictionary<string, string>());
        var (events, _) = await Node.Store.EventsAsync(id, query, default);
        return [.. events.Select(line => $"{line.Verb} {line.ToState}")];
    }

    public async Task<AiTask> WaitAsync(string id, Func<AiTask, bool> until)
    {
        using var limit = new CancellationTokenSource(Patience);
        while (true)
        {
            var task = await GetAsync(id);
            if (until(task)) return task;
            await Task.Delay(5, limit.Token);
        }
    }

    public Task<AiTask> WaitEndAsync(string id) => WaitAsync(id, task => !task.IsLive);

    /// <summary>Waits until so many processes listen for notices; PostgreSQL only.</summary>
    public async Task ListeningAsync(int count)
    {
        using var limit = new CancellationTokenSource(Patience);
        while (await Data.Database.ReadAsync(
            session => session.ScalarAsync<long>(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"),
            limit.Token) < count)
        {
            await Task.Delay(5, limit.Token);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes) await node.DisposeAsync();
        await Data.DisposeAsync();
    }
}

/// <summary>One process's scheduler.</summary>
internal sealed class TaskNode : IAsyncDisposable
{
    private readonly ServiceProvider _services;
    private readonly List<IHostedService> _started = [];

    public TaskNode(
        TaskWorld world, Database database, Action<TaskOptions>? configure, ITaskExecutor executor,
        TimeProvider? clock = null)
    {
        var services = new ServiceCollection();
        var state = new DatabaseState();
        state.SetReady();
        services.AddLogging();
        services.AddSingleton(clock ?? world.Data.Time);
        services.AddSingleton(database);
        services.AddSingleton(state);
        services.AddSingleton(world.Data.Tables);
        services.AddTasks(new ConfigurationBuilder().Build());
        services.Configure<TaskOptions>(options =>
        {
            options.Seed = 7;
            configure?.Invoke(options);
        });
        services.AddSingleton(executor);
        _services = services.BuildServiceProvider();
    }

    public TaskStore Store => Get<TaskStore>();

    public TaskQueue Queue => Get<TaskQueue>();

    public TaskVerbs Verbs => Get<TaskVerbs>();

    public TaskList List => Get<TaskList>();

    public TaskWorker Worker => Get<TaskWorker>();

    public TaskLeadership Leadership => Get<TaskLeadership>();

    public TaskBackoff Backoff => Get<TaskBackoff>();

    public TaskOptions Options => Get<IOptions<TaskOptions>>().Value;

    public T Get<T>()
        where T : notnull => _services.GetRequiredService<T>();

    public async Task<TaskNode> StartAsync()
    {
        foreach (var service in _services.GetServices<IHostedService>())
        {
            await service.StartAsync(default);
            _started.Add(service);
        }

        return this;
    }

    public async Task StopAsync()
    {
        foreach (var service in Enumerable.Reverse(_started)) await service.StopAsync(default);
        _started.Clear();
    }

    public async Task<ClaimedTask> ClaimOneAsync(string workerId = "w1") =>
        Assert.Single(await Queue.ClaimAsync(workerId, ["index"], 1, default));

    public Task<IReadOnlyList<ClaimedTask>> ClaimAsync(string workerId = "w1", int max = 100) =>
        Queue.ClaimAsync(workerId, ["index"], max, default);

    public async Task<bool> SettleAsync(Settlement settlement, string workerId = "w1") =>
        (await Queue.SettleAsync(workerId, [settlement], default))[0];

    public Task<int> RescueAsync() => Queue.RescueAsync("rescuer", false, Backoff, default);

    public Task<string> DoAsync(string id, TaskVerb verb) => Verbs.DoAsync(id, verb, "test", default);

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await _services.DisposeAsync();
    }
}

/// <summary>Does what the test says.</summary>
internal sealed class TestExecutor(string type, Func<TaskContext, CancellationToken, Task<string?>>? run = null)
    : ITaskExecutor
{
    public string Type { get; } = type;

    public void Validate(JsonElement payload, PayloadErrors errors)
    {
        if (!payload.TryGetProperty("collection", out _))
            errors.Add("payload.collection", "required and missing");
    }

    public Task<string?> ExecuteAsync(TaskContext context, CancellationToken cancellation) =>
        run is null ? Task.FromResult<string?>(null) : run(context, cancellation);
}
