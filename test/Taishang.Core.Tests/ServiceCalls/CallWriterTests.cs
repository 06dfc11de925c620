using System.Data.Common;
using System.Diagnostics;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.Data;
using Taishang.Core.ServiceCalls;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.ServiceCalls;

public sealed class CallWriterTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Theory]
    [ClassData(typeof(EveryDatabase))]
    public async Task Recorded_calls_are_in_their_month_as_soon_as_somebody_reads(Dialect dialect)
    {
        await using var world = await CallWorld.StartAsync(dialect, time: TimeProvider.System);
        var now = TimeProvider.System.GetUtcNow();
        var trace = ActivityTraceId.CreateRandom();
        for (var i = 0; i < 2_500; i++)
            world.Recorder.Record(Call(now.AddDays(-45 * (i % 2)), i, trace));

        var (_, body) = await world.GetAsync($"?trace_id={trace.ToHexString()}&page_size=1");

        Assert.Equal(2_500, body.GetProperty("data").GetProperty("total").GetInt64());
        var call = body.GetProperty("data").GetProperty("calls")[0];
        Assert.Equal("{\"collection_id\":\"c\",\"top_k\":3}", call.GetProperty("request").GetString());
        Assert.Equal("{\"count\":7}", call.GetProperty("response").GetString());
        Assert.Contains(Month.Of(now.AddDays(-45)), world.Database.Tables.Known(MonthlyTable.ServiceCalls));
        Assert.Equal(0, world.Recorder.Dropped);
    }

    [Fact]
    public async Task While_the_database_is_away_calls_wait_and_then_arrive_once()
    {
        await using var inner = await DatabaseWorld.CreateAsync(Dialect.Sqlite);
        var door = new FlakyDatabase(inner.Database) { Away = true };
        await using var world = await CallWorld.StartAsync(
            Dialect.Sqlite, new() { ["ServiceCalls:FlushIntervalMs"] = "10" }, door, TimeProvider.System);
        for (var i = 0; i < 50; i++) world.Recorder.Record(Call(TimeProvider.System.GetUtcNow(), i, null));
        Assert.False(await world.Recorder.FlushAsync(TimeSpan.FromMilliseconds(200), CancellationToken.None));

        await door.Refused.Task.WaitAsync(Patience);
        door.Away = false;

        Assert.True(await world.Recorder.FlushAsync(Patience, CancellationToken.None));
        Assert.Equal(50, (await world.GetAsync("")).Body.GetProperty("data").GetProperty("total").GetInt64());
    }

    [Fact]
    public async Task Calls_beyond_what_may_wait_are_dropped_and_counted_and_nobody_waits()
    {
        await using var inner = await DatabaseWorld.CreateAsync(Dialect.Sqlite);
        var door = new FlakyDatabase(inner.Database) { Away = true };
        var world = await CallWorld.StartAsync(
            Dialect.Sqlite,
            new()
            {
                ["ServiceCalls:QueueCallsMax"] = "16",
                ["ServiceCalls:QueueRowsMax"] = "16",
                ["ServiceCalls:BatchRowsMax"] = "4",
                ["ServiceCalls:StopFlushMs"] = "100",
            },
            door, TimeProvider.System);
        await using (world)
        {
            var began = TimeProvider.System.GetTimestamp();
            for (var i = 0; i < 10_000; i++) world.Recorder.Record(Call(TimeProvider.System.GetUtcNow(), i, null));
            Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(5));
            await door.Refused.Task.WaitAsync(Patience);
            Assert.InRange(world.Recorder.Dropped, 9_900, 9_999);
            await world.StopAsync();
            Assert.Equal(10_000, world.Recorder.Dropped);
        }
    }

    [Theory]
    [ClassData(typeof(EveryDatabase))]
    public async Task A_graceful_stop_writes_what_is_waiting(Dialect dialect)
    {
        await using var world = await CallWorld.StartAsync(
            dialect, new() { ["ServiceCalls:FlushIntervalMs"] = "60000" }, time: TimeProvider.System);
        for (var i = 0; i < 300; i++) world.Recorder.Record(Call(TimeProvider.System.GetUtcNow(), i, null));
        await world.StopAsync();

        var filter = new ServiceCallFilter(
            null, null, null, null, null, CallWorld.Now.AddYears(-5), CallWorld.Now.AddYears(50), 0);
        var (_, total) = await world.Store.ListAsync(filter, 0, 1, false, CancellationToken.None);
        Assert.Equal(300, total);
    }

    [Theory]
    [ClassData(typeof(EveryDatabase))]
    public async Task Texts_that_a_database_refuses_are_cleaned_not_lost(Dialect dialect)
    {
        await using var world = await CallWorld.StartAsync(dialect, time: TimeProvider.System);
        world.Recorder.Record(Call(TimeProvider.System.GetUtcNow(), 1, null) with
        {
            Status = CallStatus.Failed,
            ErrorCode = 90003,
            ErrorMessage = "a\0b\ud83d" + new string('x', 3_000),
            Address = new string('y', 400),
            WorkerId = new string('z', 50),
        });

        var (_, body) = await world.GetAsync("");
        var call = body.GetProperty("data").GetProperty("calls")[0];
        Assert.StartsWith("a b\ufffdxxx", call.GetProperty("error_msg").GetString(), StringComparison.Ordinal);
        Assert.Equal(255, call.GetProperty("address").GetString()?.Length);
        Assert.Equal(36, call.GetProperty("worker_id").GetString()?.Length);
    }

    [Theory]
    [ClassData(typeof(EveryDatabase))]
    public async Task Months_older_than_what_is_kept_are_dropped_whole(Dialect dialect)
    {
        await using var world = await CallWorld.StartAsync(dialect, new() { ["ServiceCalls:KeepMonths"] = "2" });
        await world.InsertAsync(
            CallWorld.Call(CallWorld.Now), CallWorld.Call(CallWorld.Now.AddMonths(-1)),
            CallWorld.Call(CallWorld.Now.AddMonths(-2)), CallWorld.Call(CallWorld.Now.AddMonths(-12)));

        var dropped = await world.Get<CallRetention>().DropOldAsync(CancellationToken.None);

        Assert.Equal([new Month(2026, 9), new Month(2025, 11)], dropped);
        Assert.Equal(2, (await world.GetAsync("")).Body.GetProperty("data").GetProperty("total").GetInt64());
    }

    private static CallRecord Call(DateTimeOffset at, int i, ActivityTraceId? trace) => new(
        at, "SearchVectors", new SearchVectorsRequest { CollectionId = "c", TopK = 3 },
        new CountVectorsResponse { Count = 7 }, TimeSpan.FromMicroseconds(i), CallStatus.Success, 0, null, trace,
        "http://127.0.0.1:1", "w", 1);

    /// <summary>A database that can be away.</summary>
    private sealed class FlakyDatabase(Database inner) : Database
    {
        public bool Away { get; set; }

        public TaskCompletionSource Refused { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override Dialect Dialect => inner.Dialect;

        public override Task<T> ReadAsync<T>(
            Func<DatabaseSession, Task<T>> read, CancellationToken cancellation) => inner.ReadAsync(read, cancellation);

        public override Task<T> WriteAsync<T>(
            Func<DatabaseSession, Task<T>> write, CancellationToken cancellation)
        {
            if (!Away) return inner.WriteAsync(write, cancellation);
            Refused.TrySetResult();
            throw new TimeoutException("the database is away");
        }

        internal override Task<DbConnection> ConnectAsync(CancellationToken cancellation) =>
            inner.ConnectAsync(cancellation);

        public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
