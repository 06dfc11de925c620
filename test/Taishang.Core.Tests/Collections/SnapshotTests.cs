using System.Net;
using System.Text.Json;
using Taishang.Core.Api;
using Taishang.Core.Data;
using Taishang.Core.Tasks;
using Taishang.Core.Tests.Vectors;
using Taishang.Executors;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Collections;

public sealed class SnapshotTests
{
    private const string Root = "/api/taishang/collection_snapshots";

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_snapshot_brings_back_the_row_of_the_collection_under_another_name(Dialect dialect)
    {
        await using var world = await VectorWorld.StartAsync(dialect);
        await world.RegisterModelAsync();
        var id = await world.CreateAsync(
            "points", dims: FakeWorker.EmbeddingDims, index: "HNSW", metric: "cosine",
            more: ""","model":"test-embed","ttl_seconds":60,"description":"mine","params":{"m":8}""");
        await world.UpsertAsync("points", """[{"id":1,"text":"one"},{"id":2,"text":"two"}]""");
        var taken = await world.RunAsync("snapshot", """{"collection":"points","description":"before"}""");
        Assert.Equal((id, 2), (taken.GetProperty("collection").GetString(), taken.GetProperty("rows").GetInt32()));
        var snapshot = taken.GetProperty("snapshot").GetString()!;
        var view = await world.Api.GetAsync($"{Root}/{snapshot}");
        Assert.Equal(
            ("points", "before", id),
            (view.String("collection"), view.String("description"), view.String("collection_id")));
        await world.Api.DeleteAsync($"/api/taishang/vector_collections/{id}");

        var result = await world.RunAsync("restore", $$"""{"snapshot":"{{snapshot}}","name":"again"}""");
        Assert.Equal("again", result.GetProperty("name").GetString());
        var restored = await world.Api.GetAsync("/api/taishang/vector_collections/again");
        Assert.NotEqual(id, restored.String("id"));
        Assert.Equal(
            ("mine", "HNSW", "cosine", "builtin/test-embed"),
            (restored.String("description"), restored.String("index_type"), restored.String("metric_type"),
                restored.String("model")));
        Assert.Equal((60, 8), (restored["ttl_seconds"].GetInt32(), restored["params"].GetProperty("m").GetInt32()));
        var count = await world.Api.GetAsync("/api/taishang/vectors/count?collection=again");
        Assert.Equal(2, count["count"].GetInt32());
        await world.UpsertAsync("again", """[{"id":3,"text":"three"}]""");
        var listed = await world.Api.GetAsync($"{Root}?collection={id}");
        Assert.Equal(1, listed["total"].GetInt64());
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_restore_that_is_run_again_goes_on_with_what_it_began(Dialect dialect)
    {
        await using var world = await VectorWorld.StartAsync(dialect);
        await world.CreateAsync("points");
        await world.UpsertAsync("points", """[{"id":1,"vector":[1,2]}]""");
        var snapshot = (await world.RunAsync("snapshot", """{"collection":"points"}""")).GetProperty("snapshot");
        var payload = $$"""{"snapshot":"{{snapshot.GetString()}}","name":"copy"}""";
        var context = new FakeTaskContext();
        world.Worker.BeforeRestore = () => throw new ApiException(ErrorCodes.StorageUnavailable, "the disk is full");
        var failed = await Assert.ThrowsAsync<TaskFailedException>(() => world.RunAsync("restore", payload, context));
        Assert.True(failed.Retriable);
        Assert.Contains("the disk is full", failed.Message);
        Assert.Equal(404, (int)(await world.Api.GetAsync("/api/taishang/vector_collections/copy")).Status);

        world.Worker.BeforeRestore = null;
        var first = await world.RunAsync("restore", payload, context);
        var second = await world.RunAsync("restore", payload, context);
        Assert.Equal(first.GetProperty("collection").GetString(), second.GetProperty("collection").GetString());
        var other = await Assert.ThrowsAsync<TaskFailedException>(() => world.RunAsync("restore", payload));
        Assert.False(other.Retriable);
        Assert.Contains("copy", other.Message);
    }

    [Fact]
    public async Task Taking_and_restoring_are_tasks_under_an_idempotency_key()
    {
        await using var world = await VectorWorld.StartAsync();
        await world.CreateAsync("points");
        var asked = await world.Api.PostAsync(Root, """{"collection":"points","keep":2}""");
        Assert.Equal(HttpStatusCode.Created, asked.Status);
        Assert.Equal(asked.String("task_id"), asked.String("snapshot_id"));
        var task = await world.Get<TaskStore>().GetAsync(asked.String("task_id"), CancellationToken.None);
        Assert.Equal("snapshot", task.Type);
        Assert.Equal(2, JsonDocument.Parse(task.Payload).RootElement.GetProperty("keep").GetInt32());
    }

    [Theory]
    [InlineData("""{"collection":"points","keep":0}""", 400, 30003, "keep")]
    [InlineData("""{"collection":"nowhere"}""", 404, 30001, "")]
    [InlineData("""{"collection":""}""", 400, 30003, "collection")]
    [InlineData("""{"collection":"points","folder":"/etc"}""", 400, 10003, "folder")]
    public async Task What_can_not_be_asked_is_refused_by_its_field(string body, int status, int code, string field)
    {
        await using var world = await VectorWorld.StartAsync();
        await world.CreateAsync("points");
        var answer = await world.Api.PostAsync(Root, body);
        Assert.Equal((status, code), ((int)answer.Status, answer.Code));
        if (field.Length > 0) Assert.Contains(field, answer.ToString());
    }

    [Fact]
    public async Task A_snapshot_that_is_not_there_is_404_and_a_missing_worker_503()
    {
        await using var world = await VectorWorld.StartAsync();
        foreach (var id in (string[])[RowId.New(TimeProvider.System.GetUtcNow()), "nowhere", "..%2f..%2fetc"])
        {
            Assert.Equal(30011, (await world.Api.GetAsync($"{Root}/{id}")).Code);
            Assert.Equal(30011, (await world.Api.DeleteAsync($"{Root}/{id}")).Code);
            Assert.Equal(30011, (await world.Api.PostAsync($"{Root}/{id}/restore", """{"name":"x"}""")).Code);
        }

        world.Worker.Ai.Forget("ListSnapshots");
        Assert.Equal(503, (int)(await world.Api.GetAsync(Root)).Status);
        world.Worker.Ai.AnyServing = false;
        Assert.Equal(503, (int)(await world.Api.GetAsync(Root)).Status);
    }
}
