using System.Net;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Taishang.Core.Api;
using Taishang.Core.Data;
using Taishang.Core.Tasks;
using Taishang.Executors;
using Taishang.Testing.Hosts;

namespace Taishang.Core.Tests.Tasks;

/// <summary>Tasks as a client sees them.</summary>
public sealed class TaskApiTests
{
    private const string Tasks = "/api/taishang/tasks";

    /// <summary>A task that stays in the queue for as long as any test runs.</summary>
    private const string Later = """
        {"type":"echo","payload":{"collection":"p"},"run_at":"2999-01-01T00:00:00Z"}
        """;

    [Fact]
    public async Task A_task_is_created_run_and_read_back_with_its_trail()
    {
        await using var host = await StartAsync();
        var created = await host.Api.PostAsync(
            Tasks, """{"type":"echo","payload":{"collection":"p","n":1},"priority":7,"labels":{"team":"search"}}""");
        Assert.Equal(HttpStatusCode.Created, created.Status);
        Assert.Equal(("pending", 7), (created.String("status"), created["priority"].GetInt32()));
        var id = created.String("id");

        var done = await WaitAsync(host, id, "completed");

        Assert.Equal(1, done["result.n"].GetInt32());
        Assert.Equal("search", done["labels.team"].GetString());
        Assert.Equal((3, 4), (done["cost.tokens"].GetInt32(), done["cost.ai_ms"].GetInt32()));
        var events = await host.Api.GetAsync($"{Tasks}/{id}/events");
        Assert.Equal(
            ["create", "claim", "complete"],
            events["events"].EnumerateArray().Select(line => line.GetProperty("verb").GetString()));
        Assert.Equal(3, events["total"].GetInt32());
        var list = await host.Api.GetAsync($"{Tasks}?type=echo&status=completed&label=team:search&priority=7");
        Assert.Equal(1, list["total"].GetInt32());
        Assert.Equal(id, list["tasks"][0].GetProperty("id").GetString());
    }

    [Fact]
    public async Task Verbs_answer_with_the_status_and_illegal_ones_with_409()
    {
        await using var host = await StartAsync();
        var parked = await host.Api.PostAsync(
            Tasks, """{"type":"echo","payload":{"collection":"p"},"auto_start":false}""");
        var id = parked.String("id");
        Assert.Equal("pending", parked.String("status"));

        var stop = await host.Api.PostAsync($"{Tasks}/{id}/stop");
        Assert.Equal((HttpStatusCode.Conflict, 50002), (stop.Status, stop.Code));
        Assert.Contains("pending (parked)", stop.Message, StringComparison.Ordinal);
        var delete = await host.Api.DeleteAsync($"{Tasks}/{id}");
        Assert.Equal((HttpStatusCode.Conflict, 50002), (delete.Status, delete.Code));
        var put = await host.Api.PutAsync($"{Tasks}/{id}", """{"priority":9,"labels":{"a":"b"}}""");
        Assert.Equal(9, put["priority"].GetInt32());
        var cancel = await host.Api.PostAsync($"{Tasks}/{id}/cancel");
        Assert.Equal("cancelled", cancel.String("status"));
        Assert.Equal("pending", (await host.Api.PostAsync($"{Tasks}/{id}/retry")).String("status"));
        await WaitAsync(host, id, "completed");
        Assert.Equal(HttpStatusCode.Conflict, (await host.Api.PostAsync($"{Tasks}/{id}/cancel")).Status);
        Assert.Equal(HttpStatusCode.OK, (await host.Api.DeleteAsync($"{Tasks}/{id}")).Status);
        Assert.Equal(50001, (await host.Api.GetAsync($"{Tasks}/{id}")).Code);
        Assert.Equal(50001, (await host.Api.GetAsync($"{Tasks}/{id}/events")).Code);
    }

    [Fact]
    public async Task Cancelling_a_running_task_answers_once_its_worker_has_let_go()
    {
        await using var host = await StartAsync(("Tasks:VerbWaitMs", "20000"));
        var id = (await host.Api.PostAsync(Tasks, """{"type":"echo","payload":{"collection":"p","hang":true}}"""))
            .String("id");
        await WaitAsync(host, id, "running");

        Assert.Equal("cancelled", (await host.Api.PostAsync($"{Tasks}/{id}/cancel")).String("status"));
    }

    [Theory]
    [InlineData("""{"payload":{}}""", 400, 10005, "type")]
    [InlineData("""{"type":"echo"}""", 400, 10005, "payload")]
    [InlineData("""{"type":"nonsense","payload":{}}""", 400, 50003, "nonsense")]
    [InlineData("""{"type":"training","payload":{}}""", 422, 50005, "training")]
    [InlineData("""{"type":"echo","payload":[]}""", 400, 50004, "payload")]
    [InlineData("""{"type":"echo","payload":null}""", 400, 50004, "payload")]
    [InlineData("""{"type":"echo","payload":{}}""", 400, 50004, "payload.collection")]
    [InlineData("""{"type":"echo","payload":{"collection":"p"},"priority":10}""", 400, 10001, "priority")]
    [InlineData("""{"type":"echo","payload":{"collection":"p"},"priority":"high"}""", 400, 10004, "priority")]
    [InlineData("""{"type":"echo","payload":{"collection":"p"},"max_attempts":0}""", 400, 10001, "max_attempts")]
    [InlineData("""{"type":"echo","payload":{"collection":"p"},"timeout_ms":-1}""", 400, 10001, "timeout_ms")]
    [InlineData("""{"type":"echo","payload":{"collection":"p"},"run_at":"soon"}""", 400, 10004, "run_at")]
    [InlineData("""{"type":"echo","payload":{"collection":"p"},"labels":{"a b":"c"}}""", 400, 10001, "labels")]
    [InlineData("""{"type":"echo","payload":{"collection":"p"},"parent_id":"none"}""", 404, 50001, "parent_id")]
    [InlineData("""{"type":"echo","payload":{"collection":"p"},"extra":1}""", 400, 10003, "extra")]
    public async Task What_is_wrong_is_refused_by_name_and_nothing_is_written(
        string body, int status, int code, string named)
    {
        await using var host = await StartAsync();

        var answer = await host.Api.PostAsync(Tasks, body);

        Assert.Equal((status, code), ((int)answer.Status, answer.Code));
        Assert.Contains(named, answer.Message, StringComparison.Ordinal);
        Assert.Equal(0, (await host.Api.GetAsync(Tasks))["total"].GetInt32());
    }

    [Theory]
    [InlineData("status=sleeping")]
    [InlineData("priority=11")]
    [InlineData("created_from=yesterday")]
    [InlineData("label=nocolon")]
    [InlineData("label=a'b:c")]
    [InlineData("sort=payload")]
    [InlineData("page_size=201")]
    [InlineData("unknown=1")]
    [InlineData("type=%00")]
    public async Task A_query_that_makes_no_sense_is_refused(string query)
    {
        await using var host = await StartAsync();
        Assert.Equal(HttpStatusCode.BadRequest, (await host.Api.GetAsync($"{Tasks}?{query}")).Status);
    }

    [Fact]
    public async Task The_same_idempotency_key_creates_one_task()
    {
        await using var host = await StartAsync();
        const string body = """{"type":"echo","payload":{"collection":"p"}}""";

        var first = await host.Api.PostAsync(Tasks, body, "key-1");
        var second = await host.Api.PostAsync(Tasks, body, "key-1");

        Assert.Equal(first.String("id"), second.String("id"));
        Assert.Equal(1, (await host.Api.GetAsync(Tasks))["total"].GetInt32());
    }

    [Fact]
    public async Task A_creation_that_is_tried_again_with_its_reserved_id_finds_the_first()
    {
        await using var host = await StartAsync();
        var creator = host.Services.GetRequiredService<TaskCreator>();
        var task = new NewTask("echo", """{"collection":"p"}""")
        {
            Id = RowId.New(TimeProvider.System.GetUtcNow()),
            AutoStart = false,
        };

        var first = await creator.CreateAsync(task, default);
        var second = await creator.CreateAsync(task, default);

        Assert.Equal(first.Id, second.Id);
        Assert.Equal(1, (await host.Api.GetAsync(Tasks))["total"].GetInt32());
    }

    [Fact]
    public async Task A_full_queue_refuses_new_tasks_with_429_until_one_ends()
    {
        const int max = 3;
        await using var host = await StartAsync(("Tasks:QueueMax", $"{max}"), ("Tasks:RescueIntervalMs", "20"));

        var (ids, refused) = await FillAsync(host, max);

        Assert.Equal(HttpStatusCode.TooManyRequests, refused.Status);
        Assert.Contains($"{max} live tasks", refused.Message, StringComparison.Ordinal);
        Assert.NotNull(refused.Headers.RetryAfter);
        Assert.Equal(max, (await host.Api.GetAsync(Tasks))["total"].GetInt32());
        // A parked task gives its place away, and finds none when it starts again.
        Assert.Equal("pending", (await host.Api.PostAsync($"{Tasks}/{ids[0]}/stop")).String("status"));
        Assert.Single((await FillAsync(host, 1)).Ids);
        Assert.Equal(ErrorCodes.TaskQueueFull.Number, (await host.Api.PostAsync($"{Tasks}/{ids[0]}/start")).Code);
    }

    [Fact]
    public async Task Many_creations_at_once_do_not_pass_the_limit()
    {
        const int max = 10;
        await using var host = await StartAsync(("Tasks:QueueMax", $"{max}"));

        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => host.Api.PostAsync(Tasks, Later)));

        // The first count may run meanwhile and count a creation twice until the next one, but it misses none.
        Assert.All(answers, answer => Assert.Contains(answer.Code, new[] { 0, ErrorCodes.TaskQueueFull.Number }));
        var created = answers.Count(answer => answer.Code == 0);
        Assert.InRange(created, 1, max);
        Assert.Equal(created, (await host.Api.GetAsync(Tasks))["total"].GetInt32());
    }

    /// <summary>
    /// Creates tasks that wait, until so many are there and the next is refused. A creation during a count may be
    /// refused although there is room, until the next count.
    /// </summary>
    private static async Task<(List<string> Ids, ApiAnswer Refused)> FillAsync(CoreHost host, int room)
    {
        using var limit = new CancellationTokenSource(TaskWorld.Patience);
        var ids = new List<string>();
        while (true)
        {
            var answer = await host.Api.PostAsync(Tasks, Later);
            if (answer.Code == 0) ids.Add(answer.String("id"));
            else Assert.Equal(ErrorCodes.TaskQueueFull.Number, answer.Code);
            Assert.InRange(ids.Count, 0, room);
            if (answer.Code != 0 && ids.Count == room) return (ids, answer);
            await Task.Delay(5, limit.Token);
        }
    }

    private static Task<CoreHost> StartAsync(params (string Name, string Value)[] settings)
    {
        var all = new Dictionary<string, string> { ["Tasks:RescueIntervalMs"] = "60000" };
        foreach (var (name, value) in settings) all[name] = value;
        return CoreHost.StartAsync(new CoreHostOptions
        {
            ConfigureServices = services => services.AddTaskExecutor<EchoExecutor>(),
            Settings = all,
        });
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

/// <summary>Gives its payload back, or hangs until it is told to let go.</summary>
internal sealed class EchoExecutor : ITaskExecutor
{
    public string Type => "echo";

    public void Validate(JsonElement payload, PayloadErrors errors)
    {
        if (!payload.TryGetProperty("collection", out _))
            errors.Add("payload.collection", "required and missing");
    }

    public async Task<string?> ExecuteAsync(TaskContext context, CancellationToken cancellation)
    {
        context.AddCost(3, 4);
        if (context.Payload.TryGetProperty("hang", out _)) await Task.Delay(Timeout.Infinite, cancellation);
        return context.Payload.GetRawText();
    }
}
