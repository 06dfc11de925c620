using System.Diagnostics;
using Google.Protobuf;
using Grpc.Core;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Api;
using WorkerErrorCode = Taishang.Contracts.Ai.V1.ErrorCode;

namespace Taishang.Core.Tests.AiClient;

public sealed class CallTests
{
    private static readonly SearchVectorsRequest Search = new() { CollectionId = "c", TopK = 3 };

    [Fact]
    public async Task Trace_context_and_deadline_reach_the_worker_and_the_record()
    {
        await using var worker = await FakeWorker.StartAsync();
        Metadata? seen = null;
        var deadline = DateTime.MinValue;
        worker.Before = (_, context) =>
        {
            seen = context.RequestHeaders;
            deadline = context.Deadline;
            return Task.CompletedTask;
        };
        await using var world = await ClientWorld.StartAsync(
            worker.Address, new() { ["Ai:DeadlinesMs:SearchVectors"] = "7000" });
        using var request = new Activity("request").SetIdFormat(ActivityIdFormat.W3C).Start();

        await world.Client.CallAsync(AiCalls.SearchVectors, Search, null, CancellationToken.None);

        Assert.Contains(request.TraceId.ToHexString(), seen?.GetValue("traceparent"), StringComparison.Ordinal);
        var left = deadline - TimeProvider.System.GetUtcNow().UtcDateTime;
        Assert.InRange(left, TimeSpan.FromSeconds(-10), TimeSpan.FromSeconds(7));
        Assert.Equal(request.TraceId.ToHexString(), Assert.Single(await world.RecordedAsync()).TraceId);
    }

    [Fact]
    public async Task A_worker_that_does_not_answer_in_time_is_a_timeout_and_is_not_asked_again()
    {
        await using var worker = await FakeWorker.StartAsync();
        var cancelled = new TaskCompletionSource();
        worker.Before = (_, context) => HangAsync(context, cancelled);
        await using var world = await ClientWorld.StartAsync(
            worker.Address, new() { ["Ai:DeadlinesMs:SearchVectors"] = "2000" });

        var error = await Assert.ThrowsAsync<ApiException>(
            () => world.Client.CallAsync(AiCalls.SearchVectors, Search, null, CancellationToken.None));

        Assert.Equal(ErrorCodes.AiTimeout, error.Code);
        Assert.Equal(504, error.Code.HttpStatus);
        Assert.Equal(1, worker.Count("SearchVectors"));
        await cancelled.Task.WaitAsync(ClientWorld.Patience);
        var record = Assert.Single(await world.RecordedAsync());
        Assert.Equal(("timeout", 90002), (record.Status, record.ErrorCode));
        Assert.InRange(record.DurationUs, 1_900_000, 60_000_000);
    }

    [Fact]
    public async Task A_call_ends_when_its_request_has_used_up_its_budget()
    {
        await using var worker = await FakeWorker.StartAsync();
        worker.Before = (_, context) => HangAsync(context, new TaskCompletionSource());
        await using var world = await ClientWorld.StartAsync(worker.Address);
        var began = TimeProvider.System.GetTimestamp();
        RequestBudget.EndAt(TimeProvider.System.GetUtcNow().AddMilliseconds(250));

        var error = await Assert.ThrowsAsync<ApiException>(
            () => world.Client.CallAsync(AiCalls.SearchVectors, Search, null, CancellationToken.None));

        Assert.Equal(ErrorCodes.AiTimeout, error.Code);
        Assert.InRange(TimeProvider.System.GetElapsedTime(began).TotalMilliseconds, 200, 15_000);
        Assert.Equal("timeout", Assert.Single(await world.RecordedAsync()).Status);
    }

    [Theory]
    [InlineData("2500", 2500)]
    [InlineData("3600000", 60_000)]
    [InlineData("soon", null)]
    [InlineData("-1", null)]
    public async Task A_worker_that_is_full_says_when_to_come_back_and_is_not_asked_again(string sent, int? expectedMs)
    {
        await using var worker = await FakeWorker.StartAsync();
        worker.Before = (_, _) => throw new RpcException(
            new Status(StatusCode.ResourceExhausted, "2 searches run and 4 wait"),
            new Metadata { { "taishang-code", "10015" }, { "taishang-retry-after-ms", sent } });
        await using var world = await ClientWorld.StartAsync(worker.Address);

        var error = await Assert.ThrowsAsync<ApiException>(
            () => world.Client.CallAsync(AiCalls.SearchVectors, Search, null, CancellationToken.None));

        Assert.Equal(ErrorCodes.TooManyRequests, error.Code);
        Assert.Equal(expectedMs, (int?)error.RetryAfter?.TotalMilliseconds);
        Assert.Equal(1, worker.Count("SearchVectors"));
    }

    [Fact]
    public async Task Cancelling_a_call_cancels_the_work_and_is_recorded()
    {
        await using var worker = await FakeWorker.StartAsync();
        var arrived = new TaskCompletionSource();
        var cancelled = new TaskCompletionSource();
        worker.Before = (_, context) =>
        {
            arrived.SetResult();
            return HangAsync(context, cancelled);
        };
        await using var world = await ClientWorld.StartAsync(worker.Address);
        using var cancellation = new CancellationTokenSource();

        var call = world.Client.CallAsync(AiCalls.SearchVectors, Search, null, cancellation.Token);
        await arrived.Task.WaitAsync(ClientWorld.Patience);
        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        await cancelled.Task.WaitAsync(ClientWorld.Patience);
        var record = Assert.Single(await world.RecordedAsync());
        Assert.Equal(("failed", 10019), (record.Status, record.ErrorCode));
    }

    [Fact]
    public async Task Fields_of_a_refusal_come_back_in_the_words_of_the_caller()
    {
        await using var worker = await FakeWorker.StartAsync();
        var details = new ErrorDetails
        {
            Errors =
            {
                new ErrorDetail
                {
                    Field = "rows[3].vector", Code = WorkerErrorCode.DimensionMismatch,
                    // As workers write it: with its field, which must not be said twice.
                    Message = "rows[3].vector: expected 4 dimensions, came 3",
                },
                new ErrorDetail
                {
                    Field = "rows[5].id", Code = WorkerErrorCode.VectorIdInvalid, Message = "expected an id",
                },
            },
        };
        worker.Before = (_, _) => throw RetryTests.Coded(
            StatusCode.InvalidArgument, "40001", "rows[3].vector: ...", details.ToByteArray());
        await using var world = await ClientWorld.StartAsync(worker.Address);

        var error = await Assert.ThrowsAsync<ApiException>(() => world.Client
            .CallAsync(AiCalls.UpsertVectors, new UpsertVectorsRequest(), null, CancellationToken.None)
            .RenamingFields(field => field.Replace("rows[", "vectors[", StringComparison.Ordinal)));

        Assert.Equal(ErrorCodes.DimensionMismatch, error.Code);
        Assert.Equal("vectors[3].vector: expected 4 dimensions, came 3 (and 1 more)", error.Message);
        Assert.Equal(
            [("vectors[3].vector", 40001), ("vectors[5].id", 40005)],
            error.Errors.Select(one => (one.Field, one.Code)));
    }

    [Theory]
    [InlineData(StatusCode.Internal, 90003)]
    [InlineData(StatusCode.Unknown, 90003)]
    [InlineData(StatusCode.Unimplemented, 90003)]
    [InlineData(StatusCode.ResourceExhausted, 10015)]
    [InlineData(StatusCode.InvalidArgument, 10001)]
    [InlineData(StatusCode.DeadlineExceeded, 90002)]
    [InlineData(StatusCode.Unavailable, 90001)]
    public async Task Garbage_in_the_trailers_leaves_the_word_to_the_status(StatusCode status, int expected)
    {
        foreach (var code in (string[])["banana", "-1", "99999999999", "10012", "0"])
        {
            var failure = AiErrors.Read(RetryTests.Coded(status, code, "detail", [0xff, 0xff, 0x01]));
            Assert.Equal(expected, failure.Error.Code.Number);
            Assert.Empty(failure.Error.Errors);
        }

        await Task.CompletedTask;
    }

    [Fact]
    public async Task An_answer_that_can_not_be_read_is_a_failure_of_the_worker_and_is_not_asked_for_again()
    {
        await using var worker = await FakeWorker.StartAsync();
        await using var world = await ClientWorld.StartAsync(worker.Address);
        byte[][] answers =
        [
            [0, 0, 0, 0, 3, 0xff, 0xff, 0xff],
            [0, 0, 0, 0, 200, 1, 2],
            "<html>"u8.ToArray(),
            [],
        ];
        foreach (var garbage in answers)
        {
            worker.Garbage = garbage;
            var error = await Assert.ThrowsAsync<ApiException>(
                () => world.Client.CallAsync(AiCalls.SearchVectors, Search, null, CancellationToken.None));
            Assert.Equal(ErrorCodes.AiFailed, error.Code);
        }

        Assert.Equal(answers.Length, worker.Count("SearchVectors"));
    }

    [Fact]
    public async Task A_build_reports_its_progress_and_its_last_message()
    {
        await using var worker = await FakeWorker.StartAsync();
        worker.Build =
        [
            new() { Fraction = 0.5 }, new() { Fraction = 1, Done = true, IndexedRows = 10, BuildSeconds = 0.1 },
        ];
        await using var world = await ClientWorld.StartAsync(worker.Address);
        var seen = new List<double>();

        var last = await world.Client.BuildIndexAsync(
            new BuildIndexRequest { CollectionId = "c" }, worker.Id, new Listener(one => seen.Add(one.Fraction)),
            CancellationToken.None);

        Assert.Equal([0.5, 1], seen);
        Assert.Equal(10, last.IndexedRows);
        var record = Assert.Single(await world.RecordedAsync());
        Assert.Equal(("BuildIndex", "success", worker.Id), (record.Method, record.Status, record.WorkerId));
    }

    [Fact]
    public async Task A_build_that_breaks_off_fails_and_is_not_begun_again_here()
    {
        await using var worker = await FakeWorker.StartAsync();
        worker.Build = [new() { Fraction = 0.5 }];
        await using var world = await ClientWorld.StartAsync(worker.Address);
        var listener = new Listener(_ => { });

        var unfinished = await Assert.ThrowsAsync<ApiException>(
            () => world.Client.BuildIndexAsync(new(), null, listener, CancellationToken.None));
        worker.Before = (_, _) => throw new RpcException(new Status(StatusCode.Unavailable, "leaving"));
        var unavailable = await Assert.ThrowsAsync<ApiException>(
            () => world.Client.BuildIndexAsync(new(), null, listener, CancellationToken.None));

        Assert.Equal(ErrorCodes.AiFailed, unfinished.Code);
        Assert.Equal(ErrorCodes.AiUnavailable, unavailable.Code);
        Assert.Equal(2, worker.Count("BuildIndex"));
    }

    private static async Task HangAsync(ServerCallContext context, TaskCompletionSource cancelled)
    {
        try
        {
            await Task.Delay(Timeout.Infinite, context.CancellationToken);
        }
        finally
        {
            cancelled.TrySetResult();
        }
    }

    private sealed class Listener(Action<BuildIndexProgress> seen) : IProgress<BuildIndexProgress>
    {
        public void Report(BuildIndexProgress value) => seen(value);
    }
}
