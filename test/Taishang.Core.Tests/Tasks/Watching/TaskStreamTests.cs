using System.Net;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Taishang.Core.Api;
using Taishang.Core.Data;
using Taishang.Core.Tasks;
using Taishang.Core.Tasks.Watching;
using Taishang.Executors;
using Taishang.Testing.Databases;
using Taishang.Testing.Hosts;

namespace Taishang.Core.Tests.Tasks.Watching;

/// <summary>Server-Sent Events of tasks as a client reads them.</summary>
public sealed class TaskStreamTests
{
    private const string Tasks = "/api/taishang/tasks";

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task The_stream_of_a_task_shows_its_life_and_ends_with_it(Dialect dialect)
    {
        await using var world = await StreamWorld.StartAsync(dialect);
        var id = await world.CreateAsync("""{"collection":"p","steps":3}""", parked: true);
        using var stream = await world.OpenAsync($"{Tasks}/{id}/stream");
        Assert.Equal("text/event-stream", stream.ContentType);
        Assert.Equal("pending", (await stream.NextAsync("task")).Data.GetProperty("status").GetString());

        await world.Host.Api.PostAsync($"{Tasks}/{id}/start");

        var events = await stream.RestAsync();
        Assert.Equal(
            ["start", "claim", "complete"],
            events.Where(one => one.Name == "transition").Select(one => one.Data.GetProperty("verb").GetString()));
        var progress = events.Where(one => one.Name == "progress").ToArray();
        Assert.NotEmpty(progress);
        Assert.All(progress, one => Assert.InRange(one.Data.GetProperty("progress").GetInt32(), 1, 99));
        Assert.Equal("task", events[^1].Name);
        Assert.Equal("completed", events[^1].Data.GetProperty("status").GetString());
        Assert.Equal(100, events[^1].Data.GetProperty("progress").GetInt32());
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_reader_that_comes_back_gets_all_that_it_missed_in_order(Dialect dialect)
    {
        await using var world = await StreamWorld.StartAsync(dialect);
        var ids = new List<string>();
        StreamEvent last;
        using (var first = await world.OpenAsync($"{Tasks}/stream"))
        {
            ids.Add(await world.CreateAsync(parked: true));
            last = await first.NextAsync("transition");
            Assert.Equal(ids[0], last.Data.GetProperty("task_id").GetString());
        }

        for (var i = 0; i < 20; i++) ids.Add(await world.CreateAsync(parked: true));
        using var second = await world.OpenAsync($"{Tasks}/stream", last.Id);
        ids.Add(await world.CreateAsync(parked: true));

        var seen = new List<string?>();
        while (seen.LastOrDefault() != ids[^1])
            seen.Add((await second.NextAsync("transition")).Data.GetProperty("task_id").GetString());
        // A line whose transaction was not settled is seen again, and known by its id.
        Assert.Equal(ids.Skip(1), seen.SkipWhile(id => id == ids[0]));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task An_ended_task_is_shown_once_and_a_reader_that_has_it_all_is_told_to_stay_away(Dialect dialect)
    {
        await using var world = await StreamWorld.StartAsync(dialect);
        var id = await world.CreateAsync(parked: true);
        await world.Host.Api.PostAsync($"{Tasks}/{id}/cancel");
        using var late = await world.OpenAsync($"{Tasks}/{id}/stream");
        Assert.Equal("cancelled", Assert.Single(await late.RestAsync()).Data.GetProperty("status").GetString());

        using var whole = await world.OpenAsync($"{Tasks}/{id}/stream", "0");
        var events = await whole.RestAsync();
        Assert.Equal(["transition", "transition", "task"], events.Select(one => one.Name));
        using var again = await world.SendAsync($"{Tasks}/{id}/stream", events[1].Id);
        Assert.Equal(HttpStatusCode.NoContent, again.StatusCode);
    }

    [Fact]
    public async Task Transitions_that_another_process_makes_are_streamed_too()
    {
        await using var world = await StreamWorld.StartAsync(Dialect.PostgreSql);
        await using var other = await world.StartAnotherAsync();
        using var stream = await world.OpenAsync($"{Tasks}/stream");

        var created = await other.Api.PostAsync(
            Tasks, """{"type":"echo","payload":{"collection":"p"},"auto_start":false}""");

        var first = await stream.NextAsync("transition");
        Assert.Equal(created.String("id"), first.Data.GetProperty("task_id").GetString());
    }

    [Fact]
    public async Task A_transaction_that_commits_late_is_not_missed_and_holds_up_no_one()
    {
        await using var world = await StreamWorld.StartAsync(Dialect.PostgreSql);
        using var stream = await world.OpenAsync($"{Tasks}/stream");
        var store = world.Host.Services.GetRequiredService<TaskStore>();
        var database = world.Host.Services.GetRequiredService<Database>();
        var (written, commit) = (new TaskCompletionSource(), new TaskCompletionSource());
        var late = database.WriteAsync(
            async session =>
            {
                var task = await store.CreateAsync(session, new NewTask("echo", "{}") { AutoStart = false });
                written.SetResult();
                await commit.Task;
                return task;
            },
            default);
        await written.Task.WaitAsync(TaskWorld.Patience);

        var quick = await world.CreateAsync(parked: true);
        var first = await stream.NextAsync("transition");
        Assert.Equal(quick, first.Data.GetProperty("task_id").GetString());
        commit.SetResult();
        var second = await stream.NextAsync("transition");
        Assert.Equal((await late).Id, second.Data.GetProperty("task_id").GetString());

        // Whoever left after the first one has the late one still to come.
        using var back = await world.OpenAsync($"{Tasks}/stream", first.Id);
        var seen = new HashSet<string?>();
        while (!seen.Contains((await late).Id))
            seen.Add((await back.NextAsync("transition")).Data.GetProperty("task_id").GetString());
    }

    [Fact]
    public async Task More_streams_than_allowed_are_refused_until_one_closes()
    {
        await using var world = await StreamWorld.StartAsync(Dialect.Sqlite, ("Tasks:StreamsMax", "2"));
        using var one = await world.OpenAsync($"{Tasks}/stream");
        var two = await world.OpenAsync($"{Tasks}/stream");

        var refused = await world.Host.Api.GetAsync($"{Tasks}/stream");

        Assert.Equal((HttpStatusCode.TooManyRequests, 50020), (refused.Status, refused.Code));
        Assert.NotNull(refused.Headers.RetryAfter);
        Assert.Equal(50001, (await world.Host.Api.GetAsync($"{Tasks}/nothing/stream")).Code);
        Assert.Equal(400, (int)(await world.SendAsync($"{Tasks}/stream", "what")).StatusCode);
        two.Dispose();
        using var three = await world.OpenUntilLetInAsync($"{Tasks}/stream");
        Assert.Equal(2, world.Streams.Watchers);
    }

    [Fact]
    public async Task A_reader_that_takes_nothing_is_cut_off_and_holds_no_memory()
    {
        await using var world = await StreamWorld.StartAsync(
            Dialect.Sqlite, ("Tasks:StreamWriteMaxMs", "100"), ("Tasks:StreamBuffer", "64"));
        using var slow = await world.SendAsync($"{Tasks}/stream");
        Assert.Equal(1, world.Streams.Watchers);

        // Far more than the sockets between them hold; the ring itself keeps 64 frames.
        using var limit = new CancellationTokenSource(TaskWorld.Patience);
        while (world.Streams.Watchers > 0)
        {
            world.Streams.Ring.Append([new StreamFrame("t", new byte[256 * 1024])]);
            await Task.Delay(1, limit.Token);
        }
    }

    [Fact]
    public async Task A_reader_that_is_overtaken_is_told_so()
    {
        await using var world = await StreamWorld.StartAsync(Dialect.Sqlite, ("Tasks:StreamBuffer", "16"));
        using var stream = await world.OpenAsync($"{Tasks}/stream");
        var frames = Enumerable.Range(0, 17)
            .Select(_ => new StreamFrame("t", "event: x\ndata: {}\n\n"u8.ToArray())).ToList();

        world.Streams.Ring.Append(frames);

        Assert.Equal("lagged", Assert.Single(await stream.RestAsync()).Name);
    }

    [Fact]
    public async Task A_quiet_stream_beats_and_ends_when_the_time_of_its_caller_is_over()
    {
        await using var world = await StreamWorld.StartAsync(Dialect.Sqlite, ("Tasks:StreamHeartbeatMs", "20"));
        using var request = new HttpRequestMessage(HttpMethod.Get, $"{Tasks}/stream");
        request.Headers.Add("X-Request-Timeout-Ms", "400");
        using var response = await world.Host.Http.SendAsync(request);
        Assert.Contains(": still here\n\n", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }
}

/// <summary>A core whose streams are quick, on a database of the test's own.</summary>
internal sealed class StreamWorld : IAsyncDisposable
{
    private readonly DatabaseWorld _data;

    private StreamWorld(DatabaseWorld data, CoreHost host) => (_data, Host) = (data, host);

    public CoreHost Host { get; }

    public TaskStreams Streams => Host.Services.GetRequiredService<TaskStreams>();

    public static async Task<StreamWorld> StartAsync(Dialect dialect, params (string Name, string Value)[] settings)
    {
        var data = await DatabaseWorld.CreateAsync(dialect);
        return new StreamWorld(data, await StartHostAsync(data, settings));
    }

    public Task<CoreHost> StartAnotherAsync() => StartHostAsync(_data, []);

    public async Task<string> CreateAsync(string payload = """{"collection":"p"}""", bool parked = false)
    {
        var answer = await Host.Api.PostAsync(
            "/api/taishang/tasks",
            $$"""{"type":"steps","payload":{{payload}},"auto_start":{{(parked ? "false" : "true")}}}""");
        return answer.String("id");
    }

    public Task<HttpResponseMessage> SendAsync(string path, string? lastEventId = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (lastEventId is not null) request.Headers.Add("Last-Event-ID", lastEventId);
        return Host.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    public async Task<EventReader> OpenAsync(string path, string? lastEventId = null)
    {
        var response = await SendAsync(path, lastEventId);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return new EventReader(response, await response.Content.ReadAsStreamAsync());
    }

    public async Task<EventReader> OpenUntilLetInAsync(string path)
    {
        using var limit = new CancellationTokenSource(TaskWorld.Patience);
        while (true)
        {
            var response = await SendAsync(path);
            if (response.IsSuccessStatusCode)
                return new EventReader(response, await response.Content.ReadAsStreamAsync(limit.Token));
            response.Dispose();
            await Task.Delay(10, limit.Token);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Host.DisposeAsync();
        await _data.DisposeAsync();
    }

    private static Task<CoreHost> StartHostAsync(DatabaseWorld data, (string Name, string Value)[] settings)
    {
        var all = new Dictionary<string, string>
        {
            ["Tasks:StreamPollMs"] = "10",
            ["Tasks:ProgressIntervalMs"] = "10",
        };
        foreach (var (name, value) in settings) all[name] = value;
        return CoreHost.StartAsync(new CoreHostOptions
        {
            Connection = data.Options.Connection,
            ConfigureServices = services => services.AddTaskExecutor<EchoExecutor>().AddTaskExecutor<StepExecutor>(),
            Settings = all,
        });
    }
}

/// <summary>Reports each of its steps and goes on once it could be seen.</summary>
internal sealed class StepExecutor(TaskStore store) : ITaskExecutor
{
    public string Type => "steps";

    public void Validate(JsonElement payload, PayloadErrors errors)
    {
    }

    public async Task<string?> ExecuteAsync(TaskContext context, CancellationToken cancellation)
    {
        var steps = context.Payload.TryGetProperty("steps", out var count) ? count.GetInt32() : 0;
        for (var step = 1; step <= steps; step++)
        {
            var percent = step * 100 / (steps + 1);
            context.ReportProgress(percent);
            while ((await store.GetAsync(context.TaskId, cancellation)).Progress < percent)
                await Task.Delay(5, cancellation);
            // Long enough for a stream that looks every few milliseconds, however busy the machine is.
            await Task.Delay(50, cancellation);
        }

        return null;
    }
}

/// <summary>One event of a stream.</summary>
internal sealed record StreamEvent(string? Id, string Name, JsonElement Data);

/// <summary>Reads the events of a stream.</summary>
internal sealed class EventReader(HttpResponseMessage response, Stream stream) : IDisposable
{
    private readonly StreamReader _reader = new(stream);

    public string? ContentType => response.Content.Headers.ContentType?.MediaType;

    /// <summary>The next event with this name.</summary>
    public async Task<StreamEvent> NextAsync(string name)
    {
        while (true)
        {
            var next = await NextAsync() ?? throw new InvalidOperationException($"the stream ended before {name}");
            if (next.Name == name) return next;
        }
    }

    /// <summary>All up to the end.</summary>
    public async Task<List<StreamEvent>> RestAsync()
    {
        var events = new List<StreamEvent>();
        while (await NextAsync() is { } next) events.Add(next);
        return events;
    }

    public void Dispose()
    {
        _reader.Dispose();
        response.Dispose();
    }

    private async Task<StreamEvent?> NextAsync()
    {
        using var limit = new CancellationTokenSource(TaskWorld.Patience);
        string? id = null, name = null, data = null;
        while (await _reader.ReadLineAsync(limit.Token) is { } line)
        {
            if (line.StartsWith("id: ", StringComparison.Ordinal)) id = line[4..];
            else if (line.StartsWith("event: ", StringComparison.Ordinal)) name = line[7..];
            else if (line.StartsWith("data: ", StringComparison.Ordinal)) data = line[6..];
            else if (line.Length == 0 && name is not null && data is not null)
                return new StreamEvent(id, name, JsonDocument.Parse(data).RootElement.Clone());
        }

        return null;
    }
}
