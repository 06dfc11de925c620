using Taishang.Contracts.Ai.V1;
using Taishang.Core.Api;
using Taishang.Core.Tests.Vectors;
using Taishang.Executors;

namespace Taishang.Core.Tests.Collections;

/// <summary>What the executor of index tasks asks of the worker, and tells of it.</summary>
public sealed class IndexTaskTests
{
    [Theory]
    [InlineData("", IndexWork.Build, "build")]
    [InlineData(""","work":"build" """, IndexWork.Build, "build")]
    [InlineData(""","work":"compact" """, IndexWork.Compact, "compact")]
    [InlineData(""","work":"rebuild" """, IndexWork.Rebuild, "rebuild")]
    public async Task The_work_that_is_asked_for_is_done_and_told(string more, IndexWork work, string name)
    {
        await using var world = await VectorWorld.StartAsync();
        var id = await world.CreateAsync("graph", index: "HNSW");
        await world.UpsertAsync("graph", """[{"id":1,"vector":[1,2]}]""");
        var context = new FakeTaskContext();

        var result = await world.RunAsync("index", $$"""{"collection":"graph"{{more}}}""", context);

        var asked = Assert.Single(world.Worker.Ai.RequestsOf<BuildIndexRequest>());
        Assert.Equal((id, work), (asked.CollectionId, asked.Work));
        Assert.Equal(
            (id, name, 1, 0.25),
            (result.GetProperty("collection").GetString(), result.GetProperty("work").GetString(),
                result.GetProperty("indexed_rows").GetInt32(), result.GetProperty("build_seconds").GetDouble()));
        Assert.Equal((0, 250), (context.Tokens, context.AiMilliseconds));
        Assert.Equal([$"{name}: 1 rows are indexed, after 0.25 s"], context.Logged);
    }

    [Theory]
    [InlineData(-1, 0)]
    [InlineData(0.42, 42)]
    [InlineData(7, 100)]
    public async Task The_workers_progress_is_the_tasks_in_percent(double fraction, int percent)
    {
        await using var world = await VectorWorld.StartAsync();
        await world.CreateAsync("graph", index: "HNSW");
        world.Worker.Ai.OnBuildIndex(
            (_, _) => Task.FromResult(new BuildIndexProgress { Done = true, Fraction = fraction }));
        var context = new FakeTaskContext();

        await world.RunAsync("index", """{"collection":"graph"}""", context);

        Assert.Equal([percent], context.Progress);
    }

    [Fact]
    public async Task A_failure_that_would_come_again_is_not_tried_again()
    {
        await using var world = await VectorWorld.StartAsync();
        await world.CreateAsync("graph", index: "HNSW");
        world.Worker.Ai.OnBuildIndex((_, _) => throw new ApiException(ErrorCodes.CollectionCorrupt, "damaged"));

        var failure = await Assert.ThrowsAsync<TaskFailedException>(
            () => world.RunAsync("index", """{"collection":"graph"}"""));

        Assert.False(failure.Retriable);
        Assert.StartsWith("collection_corrupt", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_build_that_was_called_off_is_no_fault_of_the_collection()
    {
        await using var world = await VectorWorld.StartAsync();
        await world.CreateAsync("graph", index: "HNSW");
        world.Worker.Ai.OnBuildIndex((_, _) => throw new ApiException(ErrorCodes.Cancelled));

        var off = await Assert.ThrowsAsync<ApiException>(() => world.RunAsync("index", """{"collection":"graph"}"""));

        Assert.Equal(ErrorCodes.Cancelled, off.Code);
        Assert.NotEqual("error", await world.StatusAsync("graph"));
    }
}
