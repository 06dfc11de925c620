using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Taishang.Core.Collections;
using Taishang.Core.Data;
using Taishang.Core.Tasks;
using Taishang.Executors;
using Taishang.Testing.Databases;
using Taishang.Testing.Hosts;

namespace Taishang.Core.Tests.Vectors;

/// <summary>A core of the test's own on the database that it names, with a worker in memory.</summary>
internal sealed class VectorWorld : IAsyncDisposable
{
    private readonly DatabaseWorld _database;

    private VectorWorld(DatabaseWorld database, CoreHost host, FakeWorker worker)
    {
        _database = database;
        Host = host;
        Worker = worker;
    }

    public CoreHost Host { get; }

    public FakeWorker Worker { get; }

    public ApiClient Api => Host.Api;

    public static async Task<VectorWorld> StartAsync(
        Dialect dialect = Dialect.Sqlite, IReadOnlyDictionary<string, string>? settings = null)
    {
        var database = await DatabaseWorld.CreateAsync(dialect);
        var worker = new FakeWorker();
        var host = await CoreHost.StartAsync(new CoreHostOptions
        {
            Connection = database.Options.Connection,
            Ai = worker.Ai,
            Settings = new Dictionary<string, string>(settings ?? new Dictionary<string, string>())
            {
                // Tests sweep by themselves and count what they swept.
                ["Collections:DropSweepSeconds"] = "3600",
            },
        });
        return new VectorWorld(database, host, worker);
    }

    /// <summary>Another core on the same database and worker, as a second process would be.</summary>
    public Task<CoreHost> StartAnotherAsync(
        IReadOnlyDictionary<string, string>? settings = null, TimeProvider? time = null) =>
        CoreHost.StartAsync(new CoreHostOptions
        {
            Connection = _database.Options.Connection,
            Ai = Worker.Ai,
            Settings = settings ?? new Dictionary<string, string>(),
            Time = time,
        });

    public T Get<T>()
        where T : notnull => Host.Services.GetRequiredService<T>();

    public async Task<string> CreateAsync(
        string name, int dims = 2, string index = "FLAT", string metric = "l2", string more = "")
    {
        var answer = await Api.PostAsync("/api/taishang/vector_collections",
            $$"""{"name":"{{name}}","dims":{{dims}},"index_type":"{{index}}","metric_type":"{{metric}}"{{more}}}""");
        Assert.True((int)answer.Status == 201, answer.ToString());
        return answer.String("id");
    }

    public async Task<ApiAnswer> UpsertAsync(string collection, string rows)
    {
        var answer = await Api.PostAsync(
            "/api/taishang/vectors/upsert", $$"""{"collection":"{{collection}}","vectors":{{rows}}}""");
        Assert.True(answer.Code == 0, answer.ToString());
        return answer;
    }

    public async Task<string> StatusAsync(string collection) =>
        (await Api.GetAsync($"/api/taishang/vector_collections/{collection}")).String("status");

    /// <summary>A registered and active embedding model of the worker's dimensions.</summary>
    public async Task<string> RegisterModelAsync(string name = "test-embed", string version = "1.0.0")
    {
        var answer = await Api.PostAsync("/api/taishang/models",
            $$"""{"name":"{{name}}","provider":"builtin","version":"{{version}}"}""");
        Assert.True((int)answer.Status == 201, answer.ToString());
        Assert.True(answer.String("status") == "active", answer.ToString());
        return answer.String("id");
    }

    /// <summary>Runs one attempt of a task type on a payload, without the queue.</summary>
    public async Task<JsonElement> RunAsync(string type, string payload, FakeTaskContext? context = null)
    {
        var executor = Host.Services.GetServices<ITaskExecutor>().Single(executor => executor.Type == type);
        context ??= new FakeTaskContext();
        context.SetPayload(payload);
        var result = await executor.ExecuteAsync(context, CancellationToken.None);
        return JsonDocument.Parse(result!).RootElement.Clone();
    }

    public async ValueTask DisposeAsync()
    {
        await Host.DisposeAsync();
        await _database.DisposeAsync();
    }
}

/// <summary>One attempt without a queue behind it.</summary>
internal sealed class FakeTaskContext : TaskContext
{
    private JsonElement _payload;

    public override string TaskId => "0197a000-0000-7000-8000-00000000000a";

    public override int Attempt => 1;

    public override long Fence => 1;

    public override JsonElement Payload => _payload;

    public override string? Checkpoint => Saved.LastOrDefault();

    public List<string> Saved { get; } = [];

    public List<int> Progress { get; } = [];

    public List<string> Logged { get; } = [];

    public long Tokens { get; private set; }

    /// <summary>Called after each checkpoint; throws to play a crash.</summary>
    public Action<int>? AfterCheckpoint { get; init; }

    public void SetPayload(string json) => _payload = JsonDocument.Parse(json).RootElement.Clone();

    public override void ReportProgress(int percent) => Progress.Add(percent);

    public override void Log(TaskLogLevel level, string message) => Logged.Add(message);

    public long AiMilliseconds { get; private set; }

    /// <summary>What <see cref="StopAsked"/> answers.</summary>
    public bool Stop { get; set; }

    public override bool StopAsked => Stop;

    public override void AddCost(long tokens, long aiMilliseconds)
    {
        Tokens += tokens;
        AiMilliseconds += aiMilliseconds;
    }

    public override TimeSpan TimeLimit => TimeSpan.FromMinutes(1);

    /// <summary>By their numbers.</summary>
    public SortedDictionary<int, JsonElement> Answers { get; } = [];

    public override Task SaveCheckpointAsync(
        string checkpointJson, IReadOnlyList<TaskAnswer> answers, CancellationToken cancellation)
    {
        Taishang.Core.Tasks.Watching.TaskAnswerStore.Check(answers);
        foreach (var (number, json) in answers) Answers[number] = JsonDocument.Parse(json).RootElement.Clone();
        Saved.Add(checkpointJson);
        AfterCheckpoint?.Invoke(Saved.Count);
        return Task.CompletedTask;
    }
}
