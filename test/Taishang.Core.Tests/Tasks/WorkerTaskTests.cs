using Grpc.Core;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Api;
using Taishang.Core.Tasks;
using Taishang.Testing.Hosts;

namespace Taishang.Core.Tests.Tasks;

/// <summary>Tasks whose executors are on an ai worker, which the test plays.</summary>
public sealed class WorkerTaskTests
{
    private const string Tasks = "/api/taishang/tasks";
    private const string Translate = """{"type":"translate","payload":{"to":"zh"},"max_attempts":2}""";

    [Fact]
    public async Task What_the_worker_tells_is_the_tasks_own_progress_log_cost_answers_and_result()
    {
        await using var host = await StartAsync();
        host.Ai.OnRunTask = async (request, tell, _) =>
        {
            Assert.Equal(("translate", 1, """{"to":"zh"}"""), (request.Type, request.Attempt, request.PayloadJson));
            Assert.True(request is { HasCheckpointJson: false, Fence: > 0, TimeLimitMs: > 0 });
            await tell(new RunTaskEvent { Begun = new RunTaskBegun() });
            await tell(new RunTaskEvent
            {
                Log = new RunTaskLog { Level = RunTaskLogLevel.Warning, Message = "slow" },
            });
            await tell(new RunTaskEvent { Cost = new RunTaskCost { Tokens = 5, AiMilliseconds = 7 } });
            await tell(new RunTaskEvent { Cost = new RunTaskCost { Tokens = 1 } });
            var saved = new RunTaskCheckpoint { Json = "{}" };
            saved.Answers.Add(new RunTaskAnswer { Number = 3, Json = """{"zh":"好"}""" });
            await tell(new RunTaskEvent { Checkpoint = saved });
            return Done("""{"n":1}""");
        };

        var id = await CreateAsync(host, Translate);
        var task = await WaitAsync(host, id, "completed");

        Assert.Equal(1, task["result.n"].GetInt32());
        Assert.Equal((6, 7), (task["cost.tokens"].GetInt32(), task["cost.ai_ms"].GetInt32()));
        var answer = Assert.Single((await host.Api.GetAsync($"{Tasks}/{id}/answers"))["answers"].EnumerateArray());
        Assert.Equal((3, "好"), (
            answer.GetProperty("number").GetInt32(), answer.GetProperty("answer").GetProperty("zh").GetString()));
        var line = Assert.Single((await host.Api.GetAsync($"{Tasks}/{id}/logs"))["logs"].EnumerateArray());
        Assert.Equal("slow", line.GetProperty("message").GetString());
    }

    [Fact]
    public async Task A_lost_worker_fails_the_attempt_by_a_code_of_its_own_and_the_next_goes_on_from_the_checkpoint()
    {
        await using var host = await StartAsync();
        host.Ai.OnRunTask = async (request, tell, _) =>
        {
            if (request.Attempt == 2) return Done(request.CheckpointJson);
            await tell(new RunTaskEvent { Checkpoint = new RunTaskCheckpoint { Json = """{"next":4}""" } });
            throw Broken(HttpRequestError.Unknown);
        };

        var id = await CreateAsync(host, Translate);
        var task = await WaitAsync(host, id, "completed");

        Assert.Equal(4, task["result.next"].GetInt32());
        var failed = (await host.Api.GetAsync($"{Tasks}/{id}/events"))["events"].EnumerateArray()
            .Single(line => line.GetProperty("verb").GetString() == "fail");
        Assert.Contains(
            "task_executor_lost, 50014", failed.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 2)]
    public async Task A_failure_that_the_executor_tells_is_tried_again_when_it_says_so(bool retriable, int attempts)
    {
        await using var host = await StartAsync();
        host.Ai.OnRunTask = (_, _, _) => Task.FromResult(new RunTaskEvent
        {
            Failure = new RunTaskFailure { Message = "no such language", Retriable = retriable },
        });

        var task = await WaitAsync(host, await CreateAsync(host, Translate), "failed");

        Assert.Equal((attempts, "no such language"), (task["attempt"].GetInt32(), task.String("error_msg")));
    }

    [Fact]
    public async Task A_worker_that_is_full_uses_up_no_attempt()
    {
        await using var host = await StartAsync();
        var calls = 0;
        host.Ai.OnRunTask = (_, _, _) => ++calls < 4
            ? throw new ApiException(ErrorCodes.TooManyRequests, retryAfter: TimeSpan.FromMilliseconds(1))
            : Task.FromResult(Done(null));

        var task = await WaitAsync(host, await CreateAsync(host, Translate), "completed");

        Assert.Equal((1, 4), (task["attempt"].GetInt32(), calls));
    }

    [Fact]
    public async Task Tasks_of_a_worker_that_is_away_wait_for_it_without_using_up_attempts()
    {
        await using var host = await StartAsync();
        host.Ai.OnRunTask = (_, _, _) => Task.FromResult(Done(null));
        await WaitAsync(host, await CreateAsync(host, Translate), "completed");

        host.Ai.ServingTaskTypes = [];
        var id = await CreateAsync(host, Translate);
        // One of another type, made later, has run: the claim went by the one that nobody can run.
        await WaitAsync(
            host, await CreateAsync(host, """{"type":"echo","payload":{"collection":"p"}}"""), "completed");
        var waiting = await host.Api.GetAsync($"{Tasks}/{id}");
        host.Ai.ServingTaskTypes = ["translate"];
        var task = await WaitAsync(host, id, "completed");

        Assert.Equal("pending", waiting.String("status"));
        Assert.Equal(1, task["attempt"].GetInt32());
    }

    [Theory, ClassData(typeof(Taishang.Testing.Databases.EveryDatabase))]
    public async Task What_types_workers_had_is_known_to_who_never_met_them_until_it_is_old(Core.Data.Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var ai = new FakeAiClient { ServingTaskTypes = ["translate"] };
        var store = new TaskTypeStore(world.Data.Database);
        using var recorder = Recorder(world, store, ai);
        await recorder.RecordAsync(default);

        var away = new FakeAiClient();
        var executors = new TaskExecutors([], away, world.Data.Time);
        var types = new TaskTypes(executors, store);
        Assert.Null(executors.Find("translate"));
        await types.LookAsync(["other", "no type; at all", null, "translate"], default);

        Assert.NotNull(executors.Find("translate"));
        Assert.Null(executors.Find("other"));
        // It can be created, and is not claimed.
        Assert.Empty(executors.Types);
        var task = await world.AddAsync(one => new NewTask("translate", "{}"));
        var view = await types.ViewAsync(task, default);
        Assert.Equal(new ExecutorAwayView(ai.WorkerId, world.Data.Time.GetUtcNow()), view.ExecutorAway);
        away.ServingTaskTypes = ["translate"];
        Assert.Null((await types.ViewAsync(task, default)).ExecutorAway);
        away.ServingTaskTypes = [];
        var never = await world.AddAsync(one => new NewTask("never", "{}"));
        Assert.Equal(new ExecutorAwayView(null, null), (await types.ViewAsync(never, default)).ExecutorAway);

        world.Data.FakeTime.Advance(TimeSpan.FromDays(10));
        await recorder.RecordAsync(default);
        Assert.Equal(world.Data.Time.GetUtcNow(), (await types.ViewAsync(task, default)).ExecutorAway?.SeenAt);
        Assert.Equal(0, await store.SweepAsync(TimeSpan.FromDays(1), default));
        world.Data.FakeTime.Advance(TimeSpan.FromDays(2));
        Assert.Equal(1, await store.SweepAsync(TimeSpan.FromDays(1), default));
        Assert.Null(await store.FindAsync("translate", default));
    }

    [Fact]
    public async Task A_worker_that_stops_gives_the_attempt_back_and_uses_none_up()
    {
        await using var host = await StartAsync();
        var calls = 0;
        host.Ai.OnRunTask = async (request, tell, _) =>
        {
            switch (Interlocked.Increment(ref calls))
            {
                case 1:
                    await tell(new RunTaskEvent { Checkpoint = new RunTaskCheckpoint { Json = """{"next":4}""" } });
                    return new RunTaskEvent { LetGo = new RunTaskLetGo() };
                case 2:
                    throw new ApiException(ErrorCodes.ShuttingDown);
                case 3:
                    // Gone between the claim and the call.
                    throw new ApiException(ErrorCodes.AiUnavailable);
                default:
                    return Done(request.CheckpointJson);
            }
        };

        var task = await WaitAsync(host, await CreateAsync(host, Translate), "completed");

        Assert.Equal((1, 4, 4), (task["attempt"].GetInt32(), task["result.next"].GetInt32(), calls));
    }

    [Theory]
    [InlineData(HttpRequestError.ConnectionError, 1)]
    [InlineData(HttpRequestError.NameResolutionError, 1)]
    [InlineData(HttpRequestError.ResponseEnded, 2)]
    [InlineData(HttpRequestError.Unknown, 2)]
    public async Task A_worker_that_dies_before_its_first_word_uses_an_attempt_up_if_it_may_have_been_called(
        HttpRequestError how, int attempts)
    {
        await using var host = await StartAsync();
        var calls = 0;
        host.Ai.OnRunTask = (_, _, _) => Interlocked.Increment(ref calls) == 1
            ? throw Broken(how)
            : Task.FromResult(Done("{}"));

        var task = await WaitAsync(host, await CreateAsync(host, Translate), "completed");

        Assert.Equal((attempts, 2), (task["attempt"].GetInt32(), calls));
    }

    [Fact]
    public async Task A_checkpoint_that_is_not_json_fails_the_task_for_good()
    {
        await using var host = await StartAsync();
        host.Ai.OnRunTask = async (_, tell, _) =>
        {
            await tell(new RunTaskEvent { Checkpoint = new RunTaskCheckpoint { Json = "{{" } });
            return Done(null);
        };

        var task = await WaitAsync(host, await CreateAsync(host, Translate), "failed");

        Assert.Equal(1, task["attempt"].GetInt32());
        Assert.Contains("checkpoint is not JSON", task.String("error_msg"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_worker_that_came_back_without_the_executor_costs_an_attempt_and_not_the_task()
    {
        await using var host = await StartAsync();
        var fences = new List<(int Attempt, long Fence, long LimitMs)>();
        host.Ai.OnRunTask = async (request, tell, _) =>
        {
            fences.Add((request.Attempt, request.Fence, request.TimeLimitMs));
            if (request.Attempt == 1) throw new ApiException(ErrorCodes.TaskTypeUnavailable);
            await tell(new RunTaskEvent
            {
                Log = new RunTaskLog { Level = RunTaskLogLevel.Warning, Message = "second" },
            });
            return Done(null);
        };

        var id = await CreateAsync(
            host, """{"type":"translate","payload":{"to":"zh"},"max_attempts":2,"timeout_ms":60000}""");
        await WaitAsync(host, id, "completed");

        Assert.Equal([(1, 1, 60_000), (2, 2, 60_000)], fences);
        var lines = (await host.Api.GetAsync($"{Tasks}/{id}/logs"))["logs"].EnumerateArray();
        Assert.Equal("warning", lines.Single(line => line.GetProperty("message").GetString() == "second")
            .GetProperty("level").GetString());
    }

    [Fact]
    public async Task A_stop_asks_the_worker_and_waits_for_the_end_of_its_step()
    {
        await using var host = await StartAsync();
        var begun = new TaskCompletionSource();
        host.Ai.OnRunTask = async (request, tell, cancellation) =>
        {
            if (request.HasCheckpointJson) return Done(request.CheckpointJson);
            var asked = new TaskCompletionSource();
            await using var told = host.Ai.RunTaskStop.Register(asked.SetResult);
            begun.SetResult();
            await asked.Task.WaitAsync(TaskWorld.Patience, cancellation);
            await tell(new RunTaskEvent { Checkpoint = new RunTaskCheckpoint { Json = """{"next":9}""" } });
            return new RunTaskEvent { LetGo = new RunTaskLetGo() };
        };
        var id = await CreateAsync(host, Translate);
        await begun.Task.WaitAsync(TaskWorld.Patience);

        await host.Api.PostAsync($"{Tasks}/{id}/stop");
        var parked = await WaitAsync(host, id, "pending");
        await host.Api.PostAsync($"{Tasks}/{id}/start");
        var task = await WaitAsync(host, id, "completed");

        Assert.Equal(0, parked["attempt"].GetInt32());
        Assert.Equal((1, 9), (task["attempt"].GetInt32(), task["result.next"].GetInt32()));
    }

    [Fact]
    public async Task A_type_that_no_worker_ever_had_is_refused_with_those_that_there_are()
    {
        await using var host = await StartAsync();

        var answer = await host.Api.PostAsync(Tasks, """{"type":"translaet","payload":{}}""");

        Assert.Equal((400, 50003), ((int)answer.Status, answer.Code));
        Assert.Contains("echo, ", answer.Message, StringComparison.Ordinal);
        Assert.Contains("translate", answer.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("training")]
    [InlineData("ingestion")]
    public async Task Known_types_without_an_executor_are_refused_until_one_comes(string type)
    {
        await using var host = await StartAsync();
        var refused = await host.Api.PostAsync(Tasks, $$$"""{"type":"{{{type}}}","payload":{}}""");
        var planned = await host.Api.PostAsync(
            $"{Tasks}/schedules", $$$"""{"name":"n","cron":"@daily","type":"{{{type}}}","payload":{}}""");
        host.Ai.ServingTaskTypes = [type];
        host.Ai.OnRunTask = (_, _, _) => Task.FromResult(Done(null));

        Assert.Equal((422, 50005), ((int)refused.Status, refused.Code));
        Assert.Equal((422, 50005), ((int)planned.Status, planned.Code));
        Assert.Contains(type, refused.Message, StringComparison.Ordinal);
        var id = await CreateAsync(host, $$$"""{"type":"{{{type}}}","payload":{}}""");
        await WaitAsync(host, id, "completed");
    }

    [Fact]
    public async Task A_cancelled_task_cancels_the_call_to_its_worker()
    {
        await using var host = await StartAsync();
        var begun = new TaskCompletionSource();
        var cancelled = new TaskCompletionSource();
        host.Ai.OnRunTask = async (_, _, cancellation) =>
        {
            begun.SetResult();
            try
            {
                await Task.Delay(Timeout.Infinite, cancellation);
            }
            finally
            {
                cancelled.SetResult();
            }

            return Done(null);
        };
        var id = await CreateAsync(host, Translate);
        await begun.Task.WaitAsync(TaskWorld.Patience);

        await host.Api.PostAsync($"{Tasks}/{id}/cancel");

        await cancelled.Task.WaitAsync(TaskWorld.Patience);
        await WaitAsync(host, id, "cancelled");
    }

    private static TaskTypeRecorder Recorder(TaskWorld world, TaskTypeStore store, FakeAiClient ai) => new(
        store, new Core.Data.DatabaseState(), world.Data.Time,
        Microsoft.Extensions.Options.Options.Create(new TaskOptions()),
        Microsoft.Extensions.Logging.Abstractions.NullLogger<TaskTypeRecorder>.Instance, ai);

    private static RunTaskEvent Done(string? result)
    {
        var done = new RunTaskResult();
        if (result is not null) done.Json = result;
        return new RunTaskEvent { Result = done };
    }

    private static Task<CoreHost> StartAsync() => CoreHost.StartAsync(new CoreHostOptions
    {
        Ai = new FakeAiClient { ServingTaskTypes = ["translate"] },
        ConfigureServices = services => Core.Tasks.TaskExecutorSetup.AddTaskExecutor<EchoExecutor>(services),
        Settings = new Dictionary<string, string>
        {
            ["Tasks:PollIntervalMs"] = "20",
            ["Tasks:Default:BackoffBaseMs"] = "1",
            ["Tasks:Default:BackoffMaxMs"] = "1",
        },
    });

    /// <summary>A call that the transport gave up, as the client of gRPC tells it.</summary>
    private static ApiException Broken(HttpRequestError how) => AiErrors.Read(new RpcException(
        new Status(StatusCode.Unavailable, "Error starting gRPC call", new HttpRequestException(how)))).Error;

    private static async Task<string> CreateAsync(CoreHost host, string body)
    {
        var made = await host.Api.PostAsync(Tasks, body);
        Assert.True((int)made.Status == 201, made.ToString());
        return made.String("id");
    }

    private static async Task<ApiAnswer> WaitAsync(CoreHost host, string id, string status)
    {
        using var limit = new CancellationTokenSource(TaskWorld.Patience);
        while (true)
        {
            var answer = await host.Api.GetAsync($"{Tasks}/{id}");
            if (answer.String("status") == status) return answer;
            await Task.Delay(5, limit.Token);
        }
    }
}
