using System.Text.Json;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Executors;

namespace Taishang.Core.Tests.Vectors;

public sealed class EvaluationTests
{
    /// <summary>With ef 4 the index misses the nearest row; with 9 it is exact.</summary>
    [Fact]
    public async Task Each_ef_is_measured_by_itself_and_the_exact_answer_beside_them()
    {
        await using var world = await PointsAsync();
        var context = new FakeTaskContext();

        var result = await world.RunAsync("evaluation", """
            {"collection":"points","k":2,"ef":[4,9],
             "queries":[{"vector":[0,0],"relevant":{"1":2,"3":1}},{"vector":[0,0]}]}
            """, context);

        var runs = result.GetProperty("runs");
        Assert.Equal([4, 9], runs.EnumerateArray().Select(run => run.GetProperty("ef").GetInt32()));
        Assert.Equal([0.5, 1], runs.EnumerateArray().Select(run => run.GetProperty("index_recall").GetDouble()));
        Assert.Equal([4, 9], runs.EnumerateArray().Select(run => run.GetProperty("engine_ms").Double("p99")));
        // Of rows 2, 3: 1/log2(3) over 2 + 1/log2(3). Of rows 1, 2: 2 over the same.
        var ideal = 2 + (1 / Math.Log2(3));
        Assert.Equal(1 / Math.Log2(3) / ideal, runs[0].Double("ndcg"), 9);
        Assert.Equal(2 / ideal, runs[1].Double("ndcg"), 9);
        Assert.Equal([0.5, 0.5], [runs[0].Double("recall"), runs[1].Double("recall")]);
        Assert.Equal([0.5, 1], [runs[0].Double("mrr"), runs[1].Double("mrr")]);
        var exact = result.GetProperty("exact");
        Assert.Equal(2 / ideal, exact.Double("ndcg"), 9);
        Assert.False(exact.TryGetProperty("index_recall", out _));
        Assert.Equal(0.5, result.Double("index_recall"));
        Assert.Equal(runs[0].Double("ndcg"), result.Double("ndcg"));
    }

    [Fact]
    public async Task What_each_query_found_is_kept_with_the_grades_of_its_hits()
    {
        await using var world = await PointsAsync();
        var context = new FakeTaskContext();

        await world.RunAsync("evaluation", """
            {"collection":"points","k":2,"ef":[4,9],"queries":[{"vector":[0,0]},
             {"vector":[0,0],"relevant":{"1":2,"3":1,"9":0}}]}
            """, context);

        Assert.Equal([0, 1], context.Answers.Keys);
        var answer = context.Answers[1];
        Assert.Equal(2, answer.GetProperty("relevant").GetInt32());
        var run = answer.GetProperty("runs")[0];
        Assert.Equal((4, 0.5), (run.GetProperty("ef").GetInt32(), run.Double("index_recall")));
        Assert.Equal("3", run.GetProperty("hits")[1].GetProperty("id").GetString());
        Assert.Equal(1, run.GetProperty("hits")[1].Double("grade"));
        Assert.Equal(0.5, run.Double("mrr"));
        Assert.Equal("1", answer.GetProperty("exact").GetProperty("hits")[0].GetProperty("id").GetString());
        Assert.False(context.Answers[0].TryGetProperty("relevant", out _));
        Assert.False(context.Answers[0].GetProperty("runs")[0].TryGetProperty("ndcg", out _));
    }

    [Fact]
    public async Task Queries_take_turns_in_which_ef_they_begin_with()
    {
        await using var world = await PointsAsync();

        await world.RunAsync("evaluation", """
            {"collection":"points","ef":[4,9],"queries":[{"vector":[0,0]},{"vector":[0,0]}]}
            """);

        Assert.Equal([4, 9, 0, 9, 4, 0], world.Worker.Ai.RequestsOf<SearchVectorsRequest>().Select(one => one.Ef));
    }

    [Fact]
    public async Task Rows_of_the_collection_serve_as_queries_the_same_for_a_seed_and_after_a_crash()
    {
        await using var world = await VectorWorld.StartAsync();
        await world.CreateAsync("points");
        var rows = Enumerable.Range(1, 200).Select(i => $$"""{"id":{{i}},"vector":[{{i}},1]}""");
        await world.UpsertAsync("points", $"[{string.Join(',', rows)}]");
        const string payload = """{"collection":"points","k":3,"sample":40,"seed":7}""";
        var context = new FakeTaskContext
        {
            AfterCheckpoint = count =>
            {
                if (count == 2) throw new InvalidOperationException("crash");
            },
        };
        await Assert.ThrowsAsync<InvalidOperationException>(() => world.RunAsync("evaluation", payload, context));

        var result = await world.RunAsync("evaluation", payload, context);
        var again = new FakeTaskContext();
        await world.RunAsync("evaluation", payload, again);
        var other = new FakeTaskContext();
        await world.RunAsync("evaluation", payload.Replace("7", "8", StringComparison.Ordinal), other);

        Assert.Equal((40, 1), (result.GetProperty("queries").GetInt32(), result.Double("index_recall")));
        Assert.Equal(40, RowsOf(context).Distinct().Count());
        Assert.Equal(RowsOf(context), RowsOf(again));
        Assert.NotEqual(RowsOf(context), RowsOf(other));
        // The row that is asked with is its own nearest.
        Assert.All(context.Answers.Values, answer => Assert.Equal(
            answer.GetProperty("row").GetString(),
            answer.GetProperty("runs")[0].GetProperty("hits")[0].GetProperty("id").GetString()));
    }

    [Fact]
    public async Task A_sampled_row_that_was_deleted_meanwhile_is_left_out()
    {
        await using var world = await VectorWorld.StartAsync();
        await world.CreateAsync("points");
        await world.UpsertAsync("points", """[{"id":1,"vector":[1,1]},{"id":2,"vector":[2,1]}]""");
        var context = new FakeTaskContext
        {
            AfterCheckpoint = count =>
            {
                if (count == 1) throw new InvalidOperationException("crash");
            },
        };
        const string payload = """{"collection":"points","sample":5}""";
        await Assert.ThrowsAsync<InvalidOperationException>(() => world.RunAsync("evaluation", payload, context));
        await world.Api.PostAsync("/api/taishang/vectors/delete", """{"collection":"points","ids":[1]}""");

        var result = await world.RunAsync("evaluation", payload, context);

        Assert.Equal(1, result.GetProperty("queries").GetInt32());
        Assert.Equal("2", Assert.Single(context.Answers.Values).GetProperty("row").GetString());
    }

    [Fact]
    public async Task A_sample_of_an_empty_collection_fails_at_once()
    {
        await using var world = await VectorWorld.StartAsync();
        await world.CreateAsync("points");

        var failure = await Assert.ThrowsAsync<TaskFailedException>(
            () => world.RunAsync("evaluation", """{"collection":"points","sample":5}"""));

        Assert.False(failure.Retriable);
    }

    [Fact]
    public async Task An_evaluation_tells_its_cost_and_progress_and_asks_as_it_was_told()
    {
        await using var world = await VectorWorld.StartAsync();
        await world.RegisterModelAsync();
        await world.CreateAsync(
            "notes", FakeWorker.EmbeddingDims, metric: "cosine", more: ""","model":"test-embed" """);
        await world.UpsertAsync("notes", """[{"id":"x","text":"aaa"}]""");
        var queries = string.Join(",", Enumerable.Repeat("""{"text":"a"}""", 40));
        var context = new FakeTaskContext();

        await world.RunAsync(
            "evaluation", $$"""{"collection":"notes","nprobe":7,"queries":[{{queries}}]}""", context);

        Assert.Equal([80, 100], context.Progress);
        Assert.Equal(40, context.Tokens);
        Assert.All(world.Worker.Ai.RequestsOf<SearchVectorsRequest>(), one => Assert.Equal(7, one.Nprobe));
    }

    [Theory]
    [InlineData("[1,2,3]", "expected 2")]
    [InlineData("[1]", "expected 2")]
    public async Task A_query_that_does_not_fit_the_collection_fails_for_good_by_its_place(string vector, string why)
    {
        await using var world = await VectorWorld.StartAsync();
        await world.CreateAsync("points");

        var failure = await Assert.ThrowsAsync<TaskFailedException>(() => world.RunAsync(
            "evaluation", $$"""{"collection":"points","queries":[{"vector":[1,1]},{"vector":{{vector}}}]}"""));

        Assert.False(failure.Retriable);
        Assert.Contains("queries[1].vector", failure.Message, StringComparison.Ordinal);
        Assert.Contains(why, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_worker_that_answers_another_question_fails_the_evaluation()
    {
        await using var world = await VectorWorld.StartAsync();
        await world.CreateAsync("points");
        world.Worker.Ai.On(AiCalls.SearchVectors, _ => new SearchVectorsResponse());

        var failure = await Assert.ThrowsAsync<TaskFailedException>(
            () => world.RunAsync("evaluation", """{"collection":"points","queries":[{"vector":[1,1]}]}"""));

        Assert.Contains("0 answers to 1 query", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_measured_over_a_collection_with_a_model_is_kept_with_the_model_once()
    {
        await using var world = await VectorWorld.StartAsync();
        var model = await world.RegisterModelAsync();
        var notes = await world.CreateAsync(
            "notes", FakeWorker.EmbeddingDims, metric: "cosine", more: ""","model":"test-embed" """);
        await world.UpsertAsync("notes", """[{"id":"x","text":"aaa"},{"id":"y","text":"bbb"}]""");
        const string payload = """
            {"collection":"notes","k":2,"queries":[{"text":"a","relevant":["x"]},{"text":"b"}]}
            """;
        // One that breaks off before its end has measured nothing.
        var cutOff = new FakeTaskContext { AfterCheckpoint = _ => throw new InvalidOperationException("crash") };
        await Assert.ThrowsAsync<InvalidOperationException>(() => world.RunAsync("evaluation", payload, cutOff));
        var path = $"/api/taishang/models/{model}/evaluations";
        Assert.Equal(0, (await world.Api.GetAsync(path))["total"].GetInt32());

        var context = new FakeTaskContext();
        var result = await world.RunAsync("evaluation", payload, context);
        await world.RunAsync("evaluation", payload, new FakeTaskContext());

        var kept = await world.Api.GetAsync($"{path}?source=task&version=1.0.0");
        var one = Assert.Single(kept["evaluations"].EnumerateArray());
        Assert.Equal(
            (1, context.TaskId, notes, "1.0.0"),
            (kept["total"].GetInt32(), one.GetProperty("task_id").GetString(),
                one.GetProperty("collection_id").GetString(), one.GetProperty("version").GetString()));
        var metrics = one.GetProperty("metrics");
        Assert.Equal((2, 2, 1), (metrics.Double("queries"), metrics.Double("k"), metrics.Double("judged")));
        Assert.Equal(result.Double("index_recall"), metrics.Double("index_recall"));
        Assert.Equal(result.Double("ndcg"), metrics.Double("ndcg"));
        Assert.Equal(result.GetProperty("exact").Double("mrr"), metrics.Double("exact_mrr"));
        Assert.Equal(1, metrics.Double("recall"));
    }

    [Fact]
    public async Task An_evaluation_that_core_runs_is_found_at_its_model_and_by_its_task()
    {
        await using var world = await VectorWorld.StartAsync();
        var model = await world.RegisterModelAsync();
        await world.CreateAsync(
            "notes", FakeWorker.EmbeddingDims, metric: "cosine", more: ""","model":"test-embed" """);
        await world.CreateAsync("points");
        await world.UpsertAsync("notes", """[{"id":"x","text":"aaa"}]""");
        await world.UpsertAsync("points", """[{"id":1,"vector":[1,1]}]""");

        var tasks = new List<string>();
        foreach (var payload in new[]
        {
            """{"collection":"notes","queries":[{"text":"a"}]}""",
            """{"collection":"points","queries":[{"vector":[1,1]}]}""",
        })
        {
            var made = await world.Api.PostAsync(
                "/api/taishang/tasks", $$"""{"type":"evaluation","payload":{{payload}}}""");
            Assert.True((int)made.Status == 201, made.ToString());
            tasks.Add(made.String("id"));
            using var limit = new CancellationTokenSource(Taishang.Core.Tests.Tasks.TaskWorld.Patience);
            while ((await world.Api.GetAsync($"/api/taishang/tasks/{tasks[^1]}")).String("status") != "completed")
                await Task.Delay(5, limit.Token);
        }

        // The collection without a model has none to tell.
        var kept = await world.Api.GetAsync($"/api/taishang/models/{model}/evaluations");
        var one = Assert.Single(kept["evaluations"].EnumerateArray());
        Assert.Equal(tasks[0], one.GetProperty("task_id").GetString());
        Assert.Equal("task", one.GetProperty("source").GetString());
        Assert.False(one.GetProperty("metrics").TryGetProperty("ndcg", out _));
    }

    [Fact]
    public async Task The_answers_of_a_run_task_are_read_by_the_page()
    {
        await using var world = await PointsAsync();
        var made = await world.Api.PostAsync("/api/taishang/tasks", """
            {"type":"evaluation","payload":{"collection":"points","k":2,
             "queries":[{"vector":[0,0]},{"vector":[1,0]},{"vector":[2,0]}]}}
            """);
        var path = $"/api/taishang/tasks/{made.String("id")}";
        while ((await world.Api.GetAsync(path)).String("status") != "completed") await Task.Yield();

        var page = await world.Api.GetAsync($"{path}/answers?page=2&page_size=2");
        var last = await world.Api.GetAsync($"{path}/answers?page_size=1&sort=-number");

        Assert.Equal(3, page["total"].GetInt32());
        Assert.Equal(2, Assert.Single(page["answers"].EnumerateArray()).GetProperty("number").GetInt32());
        Assert.Equal(2, last["answers"][0].GetProperty("number").GetInt32());
        Assert.Equal(2, last["answers"][0].GetProperty("answer").GetProperty("exact").GetProperty("hits")
            .GetArrayLength());
        Assert.Equal(50001, (await world.Api.GetAsync("/api/taishang/tasks/none/answers")).Code);
        Assert.Equal(10007, (await world.Api.GetAsync($"{path}/answers?page_size=201")).Code);
    }

    private static string?[] RowsOf(FakeTaskContext context) =>
        [.. context.Answers.Values.Select(answer => answer.GetProperty("row").GetString())];

    private static async Task<VectorWorld> PointsAsync()
    {
        var world = await VectorWorld.StartAsync();
        await world.CreateAsync("points", index: "HNSW");
        world.Worker.Ai.On(AiCalls.SearchVectors, request =>
        {
            var response = new SearchVectorsResponse { EngineMicroseconds = request.Ef * 1_000 };
            var hits = new Hits();
            foreach (var id in request.Exact || request.Ef == 9 ? new long[] { 1, 2 } : [2, 3])
                hits.Hits_.Add(new Hit { Id = new RowId { Integer = id }, Distance = id, Score = -id });
            response.Answers.Add(hits);
            return response;
        });
        return world;
    }
}

internal static class JsonNumbers
{
    public static double Double(this JsonElement element, string field) => element.GetProperty(field).GetDouble();
}
