using System.Text.Json;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Taishang.Ai.Tasks;
using Taishang.Contracts.Ai.V1;
using Taishang.Executors;
using Taishang.Testing.Processes;

namespace Taishang.Ai.Tests.Rpc;

public sealed class TaskCallsTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_worker_names_the_types_that_it_runs()
    {
        await using var worker = await StartAsync((_, _) => Task.FromResult<string?>(null));

        var described = await worker.Client.DescribeWorkerAsync(new DescribeWorkerRequest());

        Assert.Equal(["translate"], described.TaskTypes);
    }

    [Fact]
    public async Task An_executor_is_given_the_attempt_and_what_it_tells_comes_in_its_order()
    {
        await using var worker = await StartAsync(async (context, cancellation) =>
        {
            Assert.Equal((2, 17L, "{\"next\":1}"), (context.Attempt, context.Fence, context.Checkpoint));
            Assert.Equal(TimeSpan.FromMinutes(1), context.TimeLimit);
            context.Log(Taishang.Executors.TaskLogLevel.Debug, "began");
            context.ReportProgress(140);
            context.AddCost(2, 3);
            await context.SaveCheckpointAsync("""{"next":2}""", [new TaskAnswer(1, "{}")], cancellation);
            Assert.Equal("""{"next":2}""", context.Checkpoint);
            context.AddCost(5, 0);
            return context.Payload.GetRawText();
        });
        var request = Request();
        (request.Attempt, request.Fence, request.CheckpointJson) = (2, 17, """{"next":1}""");

        var events = await RunAsync(worker, request);

        Assert.Equal(RunTaskEvent.EventOneofCase.Begun, events[0].EventCase);
        Assert.Equal(("began", RunTaskLogLevel.Debug), (
            events.Single(one => one.Log is not null).Log.Message, events.First(one => one.Log is not null).Log.Level));
        Assert.Equal(100, events.Single(one => one.EventCase == RunTaskEvent.EventOneofCase.Progress).Progress);
        Assert.Equal((7, 3), (
            events.Sum(one => one.Cost?.Tokens ?? 0), events.Sum(one => one.Cost?.AiMilliseconds ?? 0)));
        var saved = events.FindIndex(one => one.Checkpoint is not null);
        Assert.True(events.FindIndex(one => one.Log is not null) < saved);
        Assert.Equal(1, Assert.Single(events[saved].Checkpoint.Answers).Number);
        Assert.Equal("""{"to":"zh"}""", events[^1].Result.Json);
    }

    [Fact]
    public async Task How_an_executor_fails_is_told_and_is_no_error_of_the_call()
    {
        await using var refusing = await StartAsync(
            (_, _) => throw new TaskFailedException("no such language", retriable: false));
        var known = (await RunAsync(refusing, Request()))[^1].Failure;

        Assert.Equal(("no such language", false), (known.Message, known.Retriable));

        await using var broken = await StartAsync((_, _) => throw new InvalidOperationException("bug"), "other");
        var unknown = (await RunAsync(broken, Request()))[^1].Failure;

        Assert.Equal(("InvalidOperationException: bug", true), (unknown.Message, unknown.Retriable));
    }

    [Fact]
    public async Task What_an_executor_tells_beyond_its_limits_is_cut_or_refused()
    {
        await using var worker = await StartAsync((context, _) =>
        {
            context.Log(Taishang.Executors.TaskLogLevel.Info, new string('x', 4_001));
            context.AddCost(5, 7);
            context.AddCost(-100, -100);
            return Task.FromResult<string?>($"\"{new string('x', 1 << 20)}\"");
        });
        var events = await RunAsync(worker, Request());

        Assert.Equal(4_000, events.Single(one => one.Log is not null).Log.Message.Length);
        Assert.Equal((5, 7), (
            events.Sum(one => one.Cost?.Tokens ?? 0), events.Sum(one => one.Cost?.AiMilliseconds ?? 0)));
        Assert.False(events[^1].Failure.Retriable);
        Assert.Contains("at most 1048576 are kept", events[^1].Failure.Message, StringComparison.Ordinal);

        await using var loud = await StartAsync(
            (_, _) => throw new TaskFailedException(new string('x', 4_001), retriable: true), "loud");
        var failure = (await RunAsync(loud, Request()))[^1].Failure;

        Assert.Equal((4_000, true), (failure.Message.Length, failure.Retriable));
    }

    [Fact]
    public async Task A_payload_that_the_executor_refuses_fails_for_good()
    {
        await using var worker = await StartAsync((_, _) => Task.FromResult<string?>(null));
        var request = Request();
        request.PayloadJson = "{}";

        var failure = (await RunAsync(worker, request))[^1].Failure;

        Assert.Equal(("payload.to: required and missing", false), (failure.Message, failure.Retriable));
    }

    [Fact]
    public async Task What_breaks_a_rule_is_refused_by_its_field()
    {
        await using var worker = await StartAsync((_, _) => Task.FromResult<string?>(null));

        await AssertRefusedAsync(worker, request => request.Type = "other", ErrorCode.TaskTypeUnavailable);
        await AssertRefusedAsync(worker, request => request.TaskId = "x", ErrorCode.InvalidArgument);
        await AssertRefusedAsync(worker, request => request.PayloadJson = "[]", ErrorCode.InvalidArgument);
        await AssertRefusedAsync(worker, request => request.PayloadJson = "{{", ErrorCode.InvalidArgument);
        await AssertRefusedAsync(worker, request => request.TimeLimitMs = 0, ErrorCode.InvalidArgument);
    }

    [Fact]
    public async Task A_call_that_is_cancelled_or_passes_its_deadline_cancels_its_attempt()
    {
        foreach (var isDeadline in new[] { false, true })
        {
            var begun = new TaskCompletionSource();
            var cancelled = new TaskCompletionSource();
            await using var worker = await StartAsync(
                async (_, cancellation) =>
                {
                    await using var told = cancellation.Register(cancelled.SetResult);
                    begun.SetResult();
                    await Task.Delay(Timeout.Infinite, cancellation);
                    return null;
                },
                isDeadline ? "deadline" : "cancel");
            using var caller = new CancellationTokenSource();
            var options = isDeadline
                ? new CallOptions(deadline: TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(2))
                : new CallOptions(cancellationToken: caller.Token);
            var running = RunAsync(worker, Request(), options);
            await begun.Task.WaitAsync(ServerProcess.Patience);
            await caller.CancelAsync();

            var error = await Assert.ThrowsAsync<RpcException>(() => running.WaitAsync(ServerProcess.Patience));

            // The client resets the stream and cancels its reader, which may see the broken stream first: an
            // IOException, which gRPC calls Unavailable. What is meant here is the worker's side, below.
            if (error.Status.DebugException is not IOException)
                Assert.Equal(isDeadline ? StatusCode.DeadlineExceeded : StatusCode.Cancelled, error.StatusCode);
            await cancelled.Task.WaitAsync(ServerProcess.Patience);
        }
    }

    [Fact]
    public async Task A_stop_lets_an_executor_that_parks_itself_end_its_step_and_cancels_any_other()
    {
        foreach (var parks in new[] { true, false })
        {
            var begun = new TaskCompletionSource();
            await using var worker = await StartAsync(
                async (context, cancellation) =>
                {
                    var asked = new TaskCompletionSource();
                    await using var told = (parks ? context.StopRequested : cancellation).Register(asked.SetResult);
                    begun.SetResult();
                    await asked.Task.WaitAsync(ServerProcess.Patience, CancellationToken.None);
                    Assert.Equal(!parks, cancellation.IsCancellationRequested);
                    if (parks) await context.SaveCheckpointAsync("""{"next":2}""", cancellation);
                    context.ParkIfAsked();
                    return "{}";
                },
                $"parks-{parks}", parks);
            var running = RunAsync(worker, Request());
            await begun.Task.WaitAsync(ServerProcess.Patience);
            var other = new StopTaskRequest { TaskId = Request().TaskId, Fence = 2 };
            Assert.False((await worker.Client.StopTaskAsync(other)).Running);

            var stop = new StopTaskRequest { TaskId = Request().TaskId, Fence = 1 };
            Assert.True((await worker.Client.StopTaskAsync(stop)).Running);
            var events = await running.WaitAsync(ServerProcess.Patience);

            Assert.Equal(RunTaskEvent.EventOneofCase.LetGo, events[^1].EventCase);
            Assert.Equal(parks, events.Exists(one => one.Checkpoint is { Json: """{"next":2}""" }));
            Assert.False((await worker.Client.StopTaskAsync(stop)).Running);
        }
    }

    [Fact]
    public async Task A_result_that_comes_after_a_stop_counts()
    {
        var begun = new TaskCompletionSource();
        await using var worker = await StartAsync(
            async (context, _) =>
            {
                var asked = new TaskCompletionSource();
                await using var told = context.StopRequested.Register(asked.SetResult);
                begun.SetResult();
                await asked.Task.WaitAsync(ServerProcess.Patience, CancellationToken.None);
                return """{"last":1}""";
            },
            parks: true);
        var running = RunAsync(worker, Request());
        await begun.Task.WaitAsync(ServerProcess.Patience);

        await worker.Client.StopTaskAsync(new StopTaskRequest { TaskId = Request().TaskId, Fence = 1 });

        Assert.Equal("""{"last":1}""", (await running.WaitAsync(ServerProcess.Patience))[^1].Result.Json);
    }

    [Fact]
    public async Task More_attempts_than_may_run_are_refused_until_one_ends()
    {
        var begun = new TaskCompletionSource();
        var go = new TaskCompletionSource();
        await using var worker = await StartAsync(async (_, _) =>
        {
            begun.TrySetResult();
            await go.Task;
            return null;
        });
        var first = RunAsync(worker, Request());
        await begun.Task.WaitAsync(ServerProcess.Patience);

        await AssertRefusedAsync(worker, _ => { }, ErrorCode.Overloaded);

        go.SetResult();
        Assert.NotNull((await first)[^1].Result);
        Assert.NotNull((await RunAsync(worker, Request()))[^1].Result);
    }

    [Fact]
    public async Task Lines_that_come_faster_than_they_are_sent_are_dropped_and_counted()
    {
        await using var worker = await StartAsync((context, _) =>
        {
            for (var i = 0; i < 10_000; i++) context.Log(Taishang.Executors.TaskLogLevel.Info, $"line {i}");
            return Task.FromResult<string?>(null);
        });

        var lines = (await RunAsync(worker, Request())).Where(one => one.Log is not null)
            .Select(one => one.Log.Message).ToList();

        Assert.InRange(lines.Count, 2, 9_999);
        Assert.Equal("line 0", lines[0]);
        var dropped = lines.Where(line => line.EndsWith("faster than they are sent", StringComparison.Ordinal))
            .Sum(line => int.Parse(line.Split(' ')[0]));
        Assert.Equal(10_000, dropped + lines.Count(line => line.StartsWith("line ", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_plug_in_folder_that_can_not_be_loaded_stops_the_start()
    {
        Directory.CreateDirectory(_folder.File("plugins/broken"));

        var error = await Assert.ThrowsAsync<InvalidDataException>(() => WorkerHost.StartAsync(
            _folder.File("data"),
            builder => builder.Configuration[$"{WorkerTaskOptions.Section}:PluginFolder"] = _folder.File("plugins")));

        Assert.Contains("the plug-in broken has no broken.dll", error.Message, StringComparison.Ordinal);
    }

    private static RunTaskRequest Request() => new()
    {
        TaskId = "0197a000-0000-7000-8000-00000000000a",
        Type = "translate",
        Attempt = 1,
        Fence = 1,
        PayloadJson = """{"to":"zh"}""",
        TimeLimitMs = 60_000,
    };

    private static async Task<List<RunTaskEvent>> RunAsync(
        WorkerHost worker, RunTaskRequest request, CallOptions options = default)
    {
        using var call = worker.Client.RunTask(request, options);
        var events = new List<RunTaskEvent>();
        while (await call.ResponseStream.MoveNext()) events.Add(call.ResponseStream.Current);
        return events;
    }

    private static async Task AssertRefusedAsync(WorkerHost worker, Action<RunTaskRequest> spoil, ErrorCode code)
    {
        var request = Request();
        spoil(request);
        var error = await Assert.ThrowsAsync<RpcException>(() => RunAsync(worker, request));
        Assert.Equal(((int)code).ToString(), error.Trailers.GetValue(Taishang.Ai.Rpc.WorkerErrors.CodeTrailer));
    }

    private Task<WorkerHost> StartAsync(
        Func<TaskContext, CancellationToken, Task<string?>> run, string data = "data", bool parks = false) =>
        WorkerHost.StartAsync(_folder.File(data), builder =>
        {
            builder.Services.AddSingleton<ITaskExecutor>(new Translate(run, parks));
            builder.Configuration[$"{WorkerTaskOptions.Section}:RunningMax"] = "1";
        });

    /// <summary>Does what the test says.</summary>
    private sealed class Translate(Func<TaskContext, CancellationToken, Task<string?>> run, bool parks)
        : ITaskExecutor
    {
        public string Type => "translate";

        public bool ParksItself => parks;

        public void Validate(JsonElement payload, PayloadErrors errors)
        {
            if (!payload.TryGetProperty("to", out _)) errors.Add("payload.to", "required and missing");
        }

        public Task<string?> ExecuteAsync(TaskContext context, CancellationToken cancellation) =>
            run(context, cancellation);
    }
}
