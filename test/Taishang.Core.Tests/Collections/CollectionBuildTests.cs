using System.Net;
using System.Text.Json;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Api;
using Taishang.Core.Collections;
using Taishang.Core.Data;
using Taishang.Core.Tasks;
using Taishang.Core.Tests.Vectors;
using Taishang.Executors;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Collections;

public sealed class CollectionBuildTests
{
    private const string Root = "/api/taishang/vector_collections";

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Builds_asked_for_at_once_are_one_task(Dialect dialect)
    {
        await using var world = await VectorWorld.StartAsync(dialect);
        var id = await world.CreateAsync("points", index: "HNSW");
        // The build waits at the worker, so that it is pending or running all along.
        var release = new TaskCompletionSource();
        world.Worker.Ai.OnBuildIndex(async (_, cancellation) =>
        {
            await release.Task.WaitAsync(cancellation);
            return new BuildIndexProgress { Done = true, Fraction = 1 };
        });

        var answers = await Task.WhenAll(Enumerable.Range(0, 12)
            .Select(i => world.Api.PostAsync($"{Root}/{(i % 2 == 0 ? id : "points")}/build")));

        Assert.All(answers, answer => Assert.Equal(HttpStatusCode.OK, answer.Status));
        Assert.Single(answers.Select(answer => answer.String("task_id")).Distinct());
        var task = await world.Get<TaskStore>().GetAsync(answers[0].String("task_id"), CancellationToken.None);
        Assert.Equal("index", task.Type);
        Assert.Equal(id, JsonDocument.Parse(task.Payload).RootElement.GetProperty("collection").GetString());
        release.SetResult();
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_flat_collection_is_ready_from_the_start_and_stays_so(Dialect dialect)
    {
        await using var world = await VectorWorld.StartAsync(dialect);
        await world.CreateAsync("flat");

        Assert.Equal("ready", await world.StatusAsync("flat"));
        await world.UpsertAsync("flat", """[{"id":1,"vector":[1,2]}]""");

        Assert.Equal("ready", await world.StatusAsync("flat"));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_graph_is_building_until_an_index_covers_its_rows_and_again_after_an_upsert(Dialect dialect)
    {
        await using var world = await VectorWorld.StartAsync(dialect);
        await world.CreateAsync("graph", index: "HNSW");
        Assert.Equal("building", await world.StatusAsync("graph"));
        await world.UpsertAsync("graph", """[{"id":1,"vector":[1,2]},{"id":2,"vector":[2,2]}]""");
        Assert.Equal("building", await world.StatusAsync("graph"));

        var result = await world.RunAsync("index", """{"collection":"graph"}""");

        Assert.Equal(2, result.GetProperty("indexed_rows").GetInt64());
        Assert.Equal("ready", await world.StatusAsync("graph"));
        await world.Api.PostAsync("/api/taishang/vectors/delete", """{"collection":"graph","ids":[1]}""");
        Assert.Equal("ready", await world.StatusAsync("graph"));
        await world.UpsertAsync("graph", """[{"id":3,"vector":[3,2]}]""");
        // Already before anyone reads the collection.
        var listed = await world.Api.GetAsync($"{Root}?status=building");
        Assert.Equal(1, listed["total"].GetInt64());
        Assert.Equal("building", await world.StatusAsync("graph"));
        await world.RunAsync("index", """{"collection":"graph"}""");
        Assert.Equal("ready", await world.StatusAsync("graph"));
    }

    [Fact]
    public async Task Rows_written_while_a_build_ends_keep_it_building()
    {
        await using var world = await VectorWorld.StartAsync();
        await world.CreateAsync("graph", index: "HNSW");
        await world.UpsertAsync("graph", """[{"id":1,"vector":[1,2]}]""");
        world.Worker.Ai.OnBuildIndex(async (_, _) =>
        {
            await world.UpsertAsync("graph", """[{"id":2,"vector":[1,2]}]""");
            return new BuildIndexProgress { Done = true, Fraction = 1, IndexedRows = 1 };
        });

        await world.RunAsync("index", """{"collection":"graph"}""");

        // Asked of the list: reading one collection would put it right.
        Assert.Equal(1, (await world.Api.GetAsync($"{Root}?status=building"))["total"].GetInt64());
    }

    [Fact]
    public async Task A_failed_build_is_an_error_with_its_reason_until_one_succeeds()
    {
        await using var world = await VectorWorld.StartAsync();
        await world.CreateAsync("graph", index: "HNSW");
        await world.UpsertAsync("graph", """[{"id":1,"vector":[1,2]}]""");
        world.Worker.Ai.OnBuildIndex(
            (_, _) => throw new ApiException(ErrorCodes.InsufficientMemory, "too little memory"));

        var failure = await Assert.ThrowsAsync<TaskFailedException>(
            () => world.RunAsync("index", """{"collection":"graph"}"""));

        Assert.True(failure.Retriable);
        var answer = await world.Api.GetAsync($"{Root}/graph");
        Assert.Equal("error", answer.String("status"));
        Assert.Contains("too little memory", answer.String("error_msg"), StringComparison.Ordinal);
        var hits = await world.Api.PostAsync(
            "/api/taishang/vectors/search", """{"collection":"graph","vector":[1,2]}""");
        Assert.Equal(1, hits["total"].GetInt32());
        world.Worker.Serve();
        await world.RunAsync("index", """{"collection":"graph"}""");
        var mended = await world.Api.GetAsync($"{Root}/graph");
        Assert.Equal("ready", mended.String("status"));
        Assert.False(mended.Data.TryGetProperty("error_msg", out _));
    }

    [Fact]
    public async Task A_build_of_a_collection_that_is_gone_fails_for_good()
    {
        await using var world = await VectorWorld.StartAsync();

        var failure = await Assert.ThrowsAsync<TaskFailedException>(
            () => world.RunAsync("index", """{"collection":"nothing"}"""));

        Assert.False(failure.Retriable);
    }

    [Theory]
    [InlineData("""{}""", "payload.collection")]
    [InlineData("""{"collection":5}""", "payload.collection")]
    [InlineData("""{"collection":"a","m":3}""", "payload.m")]
    [InlineData("""{"collection":"a","work":"polish"}""", "payload.work")]
    [InlineData("""{"collection":"a","work":3}""", "payload.work")]
    [InlineData("""[]""", "payload")]
    public void A_payload_is_checked(string payload, string field)
    {
        var errors = new PayloadErrors();
        new IndexTaskExecutor(null!, null!, null!).Validate(JsonDocument.Parse(payload).RootElement, errors);

        Assert.Equal(field, errors.Errors[0].Field);
    }
}
