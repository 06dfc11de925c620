using System.Net;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Api;
using Taishang.Core.Data;
using Taishang.Core.Tests.Vectors;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Collections;

public sealed class PinnedTests
{
    private const string Root = "/api/taishang/vector_collections";

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_collection_is_pinned_when_created_or_changed_and_every_core_reads_it(Dialect dialect)
    {
        await using var world = await VectorWorld.StartAsync(dialect);
        var kept = await world.CreateAsync("kept", index: "HNSW", more: ""","pinned":true""");
        var plain = await world.CreateAsync("plain", index: "HNSW");
        Assert.Equal(
            [true, false],
            world.Worker.Ai.RequestsOf<CreateCollectionRequest>().Select(request => request.Spec.Pinned));
        await using var another = await world.StartAnotherAsync();
        async Task ExpectAsync(string id, bool pinned)
        {
            var read = await another.Api.GetAsync($"{Root}/{id}");
            Assert.Equal((pinned, pinned), (read["pinned"].GetBoolean(), read["stats.pinned"].GetBoolean()));
            var listed = (await another.Api.GetAsync(Root))["collections"].EnumerateArray()
                .Single(row => row.GetProperty("id").GetString() == id);
            Assert.Equal(pinned, listed.GetProperty("pinned").GetBoolean());
        }

        await ExpectAsync(kept, true);
        await ExpectAsync(plain, false);
        Assert.True((await world.Api.PutAsync($"{Root}/plain", """{"pinned":true}"""))["pinned"].GetBoolean());
        // The worker hears of nothing that was not asked for.
        Assert.Equal(
            new UpdateCollectionRequest { CollectionId = plain, Pinned = true }, world.Worker.LastUpdateOf(plain));
        await ExpectAsync(plain, true);
        Assert.False((await world.Api.PutAsync($"{Root}/kept", """{"pinned":false}"""))["pinned"].GetBoolean());
        await ExpectAsync(kept, false);

        await world.Api.PutAsync($"{Root}/plain", """{"ttl_seconds":60,"description":"other"}""");
        Assert.Equal((false, 60L), (world.Worker.LastUpdateOf(plain)!.HasPinned,
            world.Worker.LastUpdateOf(plain)!.TtlSeconds));
        await ExpectAsync(plain, true);
        await world.Api.PutAsync($"{Root}/plain", """{"pinned":false,"params":{"ef_search":90}}""");
        Assert.Equal((true, false, 90), (world.Worker.LastUpdateOf(plain)!.HasPinned,
            world.Worker.LastUpdateOf(plain)!.Pinned, world.Worker.LastUpdateOf(plain)!.EfSearch));
        await ExpectAsync(plain, false);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_pin_that_the_worker_refuses_is_409_and_nothing_is_written(Dialect dialect)
    {
        await using var world = await VectorWorld.StartAsync(dialect);
        await world.CreateAsync("points", more: ""","description":"before" """);
        var refusal = new ApiException(
            ErrorCodes.PinBudget, "no room", [new FieldError("pinned", ErrorCodes.PinBudget.Number, "no room")]);
        world.Worker.Ai.On(AiCalls.UpdateCollection, _ => throw refusal);
        world.Worker.Ai.On(AiCalls.CreateCollection, _ => throw refusal);

        var refused = await world.Api.PutAsync($"{Root}/points", """{"pinned":true,"description":"after"}""");
        Assert.Equal((HttpStatusCode.Conflict, 30014), (refused.Status, refused.Code));
        Assert.Equal("pinned", refused["errors"][0].GetProperty("field").GetString());
        var read = await world.Api.GetAsync($"{Root}/points");
        Assert.Equal((false, "before"), (read["pinned"].GetBoolean(), read.String("description")));

        var create = await world.Api.PostAsync(
            Root, """{"name":"more","dims":2,"index_type":"FLAT","pinned":true}""");
        Assert.Equal((HttpStatusCode.Conflict, 30014), (create.Status, create.Code));
        Assert.Equal(1, (await world.Api.GetAsync(Root))["total"].GetInt64());
    }

    [Fact]
    public async Task A_restored_snapshot_is_not_pinned()
    {
        await using var world = await VectorWorld.StartAsync();
        await world.CreateAsync("points", more: ""","pinned":true""");
        var taken = await world.RunAsync("snapshot", """{"collection":"points"}""");
        await world.RunAsync(
            "restore", $$"""{"snapshot":"{{taken.GetProperty("snapshot").GetString()}}","name":"again"}""");
        Assert.False((await world.Api.GetAsync($"{Root}/again"))["pinned"].GetBoolean());
        Assert.True((await world.Api.GetAsync($"{Root}/points"))["pinned"].GetBoolean());
    }

    [Theory]
    [InlineData("1")]
    [InlineData("\"true\"")]
    public async Task What_is_no_boolean_is_refused_by_its_field(string value)
    {
        await using var world = await VectorWorld.StartAsync();
        await world.CreateAsync("points");
        var answer = await world.Api.PutAsync($"{Root}/points", $$"""{"pinned":{{value}}}""");
        Assert.Equal((400, 10004), ((int)answer.Status, answer.Code));
        Assert.Equal("pinned", answer["errors"][0].GetProperty("field").GetString());
        Assert.Empty(world.Worker.Ai.RequestsOf<UpdateCollectionRequest>());
    }
}
