using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Taishang.Core.Data;
using Taishang.Core.Tasks;
using Taishang.Executors;
using Taishang.Testing.Hosts;

namespace Taishang.Core.Tests.Tasks;

/// <summary>Tasks that are created together, as a client sees them.</summary>
public sealed class TaskGraphTests
{
    private const string Graph = "/api/taishang/tasks/graph";

    [Fact]
    public async Task A_graph_is_created_whole_and_runs_in_its_order()
    {
        await using var host = await StartAsync();
        var answer = await host.Api.PostAsync(Graph, """
            {"tasks":[
                {"key":"last","type":"echo","payload":{"collection":"p"},"depends_on":["left","right"]},
                {"key":"left","type":"echo","payload":{"collection":"p"},"depends_on":["first"]},
                {"key":"right","type":"echo","payload":{"collection":"p"},"depends_on":["first"],
                    "on_parent_failure":"run"},
                {"key":"first","type":"echo","payload":{"collection":"p"}}]}
            """);
        Assert.Equal(HttpStatusCode.Created, answer.Status);
        var tasks = answer["tasks"].EnumerateArray().ToList();
        var ids = tasks.ConvertAll(task => task.GetProperty("id").GetString()!);
        Assert.Equal(
            [ids[1], ids[2]], tasks[0].GetProperty("depends_on").EnumerateArray().Select(id => id.GetString()));
        Assert.Equal("run", tasks[2].GetProperty("on_parent_failure").GetString());

        var store = host.Services.GetRequiredService<TaskStore>();
        var ended = new List<AiTask>();
        foreach (var id in ids)
        {
            using var limit = new CancellationTokenSource(TaskWorld.Patience);
            AiTask task;
            while ((task = await store.GetAsync(id, default)).IsLive) await Task.Delay(5, limit.Token);
            ended.Add(task);
        }

        Assert.All(ended, task => Assert.Equal("completed", task.Status));
        Assert.True(ended[0].StartedAt >= ended[1].CompletedAt && ended[0].StartedAt >= ended[2].CompletedAt);
        Assert.True(ended[1].StartedAt >= ended[3].CompletedAt && ended[2].StartedAt >= ended[3].CompletedAt);
    }

    [Fact]
    public async Task A_circle_is_refused_by_name_and_nothing_is_created()
    {
        await using var host = await StartAsync();
        var answer = await host.Api.PostAsync(Graph, """
            {"tasks":[
                {"key":"free","type":"echo","payload":{"collection":"p"}},
                {"key":"a","type":"echo","payload":{"collection":"p"},"depends_on":["c","free"]},
                {"key":"b","type":"echo","payload":{"collection":"p"},"depends_on":["a"]},
                {"key":"c","type":"echo","payload":{"collection":"p"},"depends_on":["b"]}]}
            """);
        Assert.Equal((422, 50010), ((int)answer.Status, answer.Code));
        Assert.Contains("a → c → b → a", answer.Message, StringComparison.Ordinal);
        var self = await host.Api.PostAsync(
            Graph, """{"tasks":[{"key":"a","type":"echo","payload":{"collection":"p"},"depends_on":["a"]}]}""");
        Assert.Equal(50010, self.Code);
        var twice = await host.Api.PostAsync(Graph, """
            {"tasks":[{"key":"a","type":"echo","payload":{"collection":"p"}},
                {"key":"a","type":"echo","payload":{"collection":"p"}}]}
            """);
        Assert.Equal(10001, twice.Code);
        var nowhere = await host.Api.PostAsync(Graph, """
            {"tasks":[{"key":"a","type":"echo","payload":{"collection":"p"}},
                {"key":"b","type":"echo","payload":{"collection":"p"},"depends_on":["nowhere"]}]}
            """);
        Assert.Equal(50001, nowhere.Code);
        var payload = await host.Api.PostAsync(
            Graph, """{"tasks":[{"key":"a","type":"echo","payload":{}}]}""");
        Assert.StartsWith("tasks[0].payload.collection", payload.Message, StringComparison.Ordinal);
        Assert.Equal(0, (await host.Api.GetAsync("/api/taishang/tasks"))["total"].GetInt32());
    }

    [Fact]
    public async Task A_unique_key_answers_201_once_and_then_200_with_the_live_task()
    {
        await using var host = await StartAsync();
        const string body = """
            {"type":"echo","payload":{"collection":"p"},"unique_key":"k","run_at":"2999-01-01T00:00:00Z"}
            """;
        var first = await host.Api.PostAsync("/api/taishang/tasks", body);
        var second = await host.Api.PostAsync("/api/taishang/tasks", body);
        Assert.Equal((HttpStatusCode.Created, HttpStatusCode.OK), (first.Status, second.Status));
        Assert.Equal(first.String("id"), second.String("id"));
        Assert.Equal("k", second.String("unique_key"));
        foreach (var bad in new[] { "\"unique_key\":\"\"", "\"on_parent_failure\":\"weep\"", "\"depends_on\":[\"\"]",
            "\"depends_on\":[\"a\",\"a\"]", "\"depends_on\":[null]" })
        {
            var refused = await host.Api.PostAsync(
                "/api/taishang/tasks", $$"""{"type":"echo","payload":{"collection":"p"},{{bad}}}""");
            Assert.Equal(400, (int)refused.Status);
        }
    }

    [Fact]
    public void Further_ids_are_the_same_on_every_try_and_of_the_same_month()
    {
        var first = RowId.New(new DateTimeOffset(2026, 11, 30, 23, 59, 59, TimeSpan.Zero));
        var ids = Enumerable.Range(0, 100).Select(i => RowId.Further(first, i)).ToList();
        Assert.Equal(ids, Enumerable.Range(0, 100).Select(i => RowId.Further(first, i)));
        Assert.Equal(100, ids.Distinct().Count());
        Assert.All(ids, id => Assert.Equal(RowId.TimeOf(first), RowId.TimeOf(id)));
    }

    private static Task<CoreHost> StartAsync() => CoreHost.StartAsync(new CoreHostOptions
    {
        ConfigureServices = services => services.AddSingleton<ITaskExecutor>(new TestExecutor("echo")),
    });
}
