using System.Net;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Api;
using Taishang.Core.Collections;
using Taishang.Core.Data;
using Taishang.Core.Tests.Vectors;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Collections;

/// <summary>Two places, the database and the worker's disk, agree after every failure.</summary>
public sealed class CollectionLifeTests
{
    private const string Root = "/api/taishang/vector_collections";
    private const string Body = """{"name":"points","dims":2,"index_type":"FLAT"}""";

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_creation_that_no_worker_takes_leaves_nothing(Dialect dialect)
    {
        await using var world = await VectorWorld.StartAsync(dialect);
        world.Worker.Ai.AnyServing = false;

        var refused = await world.Api.PostAsync(Root, Body);

        Assert.Equal((HttpStatusCode.ServiceUnavailable, 90001), (refused.Status, refused.Code));
        Assert.Equal(0, (await world.Api.GetAsync(Root))["total"].GetInt64());
        world.Worker.Ai.AnyServing = true;
        Assert.Equal(HttpStatusCode.Created, (await world.Api.PostAsync(Root, Body)).Status);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_creation_that_fails_on_the_worker_gives_the_name_back_and_has_the_rest_dropped(Dialect dialect)
    {
        await using var world = await VectorWorld.StartAsync(dialect);
        world.Worker.Ai.On(AiCalls.CreateCollection, _ => throw new ApiException(ErrorCodes.AiTimeout));

        var failed = await world.Api.PostAsync(Root, Body);

        Assert.Equal(90002, failed.Code);
        Assert.Equal(0, (await world.Api.GetAsync(Root))["total"].GetInt64());
        // It may have been made although the answer was lost: the worker is told to drop it.
        Assert.Equal(1, await world.Get<CollectionDropWorker>().SweepAsync(CancellationToken.None));
        Assert.Equal(
            world.Worker.Ai.RequestsOf<CreateCollectionRequest>().Single().CollectionId,
            world.Worker.Ai.RequestsOf<DropCollectionRequest>().Single().CollectionId);
        world.Worker.Serve();
        Assert.Equal(HttpStatusCode.Created, (await world.Api.PostAsync(Root, Body)).Status);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_creation_cut_off_by_a_crash_is_seen_by_no_one_and_undone_in_time(Dialect dialect)
    {
        await using var world = await VectorWorld.StartAsync(dialect);
        var now = world.Get<CollectionLife>().Now();
        var row = Row("cut", now);
        await world.Get<CollectionStore>().BeginCreateAsync(
            row, world.Worker.Ai.WorkerId, now.AddHours(1), CancellationToken.None);

        Assert.Equal(30001, (await world.Api.GetAsync($"{Root}/cut")).Code);
        Assert.Equal(0, (await world.Api.GetAsync(Root))["total"].GetInt64());
        Assert.Equal(0, await world.Get<CollectionDropWorker>().SweepAsync(CancellationToken.None));
        await DueNowAsync(world, row.Id);
        Assert.Equal(1, await world.Get<CollectionDropWorker>().SweepAsync(CancellationToken.None));

        // What was undone can not be finished by a late answer.
        Assert.False(await world.Get<CollectionStore>().FinishCreateAsync(
            row.Id, world.Worker.Ai.WorkerId, CancellationToken.None));
        await world.CreateAsync("cut");
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_creation_tried_again_under_its_id_goes_on_where_it_was(Dialect dialect)
    {
        await using var world = await VectorWorld.StartAsync(dialect);
        var life = world.Get<CollectionLife>();
        var row = Row("again", life.Now());
        await world.Get<CollectionStore>().BeginCreateAsync(
            row, "0197a000-0000-7000-8000-0000000000ff", row.CreatedAt.AddHours(1), CancellationToken.None);

        var created = await life.CreateAsync(row, CancellationToken.None);
        var same = await life.CreateAsync(row, CancellationToken.None);

        Assert.Equal("0197a000-0000-7000-8000-0000000000ff", created.WorkerId);
        Assert.Equal(created.Id, same.Id);
        Assert.Single(world.Worker.Ai.RequestsOf<CreateCollectionRequest>());
        Assert.Equal(0, await world.Get<CollectionDropWorker>().SweepAsync(CancellationToken.None));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_creation_tried_again_while_its_first_try_is_undone_is_not_told_that_its_name_is_taken(
        Dialect dialect)
    {
        await using var world = await VectorWorld.StartAsync(dialect);
        world.Worker.Ai.On(AiCalls.CreateCollection, _ => throw new ApiException(ErrorCodes.AiTimeout));
        Assert.Equal(90002, (await world.Api.PostAsync(Root, Body, "k")).Code);
        world.Worker.Serve();

        var undone = await world.Api.PostAsync(Root, Body, "k");
        var made = await world.Api.PostAsync(Root, Body, "k");

        Assert.Equal((HttpStatusCode.Conflict, 10018), (undone.Status, undone.Code));
        Assert.True(undone.Headers.Contains("Retry-After"));
        Assert.Equal(HttpStatusCode.Created, made.Status);
        await world.Get<CollectionDropWorker>().SweepAsync(CancellationToken.None);
        Assert.Equal(made.String("id"), (await world.Api.GetAsync($"{Root}/points")).String("id"));
        var count = await world.Api.GetAsync("/api/taishang/vectors/count?collection=points");
        Assert.Equal(0, count["count"].GetInt64());
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Deleting_a_collection_removes_its_vectors(Dialect dialect)
    {
        await using var world = await VectorWorld.StartAsync(dialect);
        await world.CreateAsync("gone");
        await world.UpsertAsync("gone", """[{"id":1,"vector":[1,2]}]""");

        var deleted = await world.Api.DeleteAsync($"{Root}/gone");

        Assert.Equal("""{"code":0,"message":"ok"}""", deleted.Text);
        Assert.Empty(world.Worker.Collections);
        Assert.Equal(30001, (await world.Api.GetAsync($"/api/taishang/vectors/count?collection=gone")).Code);
        Assert.Equal(30001, (await world.Api.DeleteAsync($"{Root}/gone")).Code);
        await world.CreateAsync("gone");
        Assert.Equal(0, (await world.Api.GetAsync("/api/taishang/vectors/count?collection=gone"))["count"].GetInt64());
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_deletion_while_ai_is_down_holds_and_the_worker_drops_it_when_it_is_back(Dialect dialect)
    {
        await using var world = await VectorWorld.StartAsync(dialect);
        var id = await world.CreateAsync("gone");
        world.Worker.Stop();

        Assert.Equal(HttpStatusCode.OK, (await world.Api.DeleteAsync($"{Root}/gone")).Status);

        Assert.Equal(30001, (await world.Api.GetAsync($"{Root}/{id}")).Code);
        Assert.Equal([id], world.Worker.Collections);
        world.Worker.Serve();
        // Not before its pause is over, then once.
        Assert.Equal(0, await world.Get<CollectionDropWorker>().SweepAsync(CancellationToken.None));
        await DueNowAsync(world, id);
        Assert.Equal(1, await world.Get<CollectionDropWorker>().SweepAsync(CancellationToken.None));
        Assert.Empty(world.Worker.Collections);
        Assert.Equal(0, await world.Get<CollectionDropWorker>().SweepAsync(CancellationToken.None));
    }

    private static Collection Row(string name, DateTimeOffset now) => new()
    {
        Id = Core.Data.RowId.New(now),
        Name = name,
        Dims = 2,
        IndexType = "FLAT",
        MetricType = "l2",
        Status = "ready",
        Engine = "embedded",
        Compression = "none",
        Shards = 1,
        CreatedAt = now,
        UpdatedAt = now,
    };

    private static Task DueNowAsync(VectorWorld world, string id) => world.Get<Database>().WriteAsync(
        session => session.ExecuteAsync(
            "UPDATE tai_collection_drops SET due_at = @due WHERE collection_id = @id",
            new { id, due = new DateTimeOffset(2020, 1, 1, 0, 0, 0, TimeSpan.Zero) }),
        CancellationToken.None);
}
