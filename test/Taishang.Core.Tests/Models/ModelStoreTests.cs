using Taishang.Core.Api;
using Taishang.Core.Data;
using Taishang.Core.Models;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Models;

public sealed class ModelStoreTests
{
    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_model_comes_back_as_it_was_written(Dialect dialect)
    {
        await using var world = await DatabaseWorld.CreateFrozenAsync(dialect);
        var store = new ModelStore(world.Database, world.Time);
        var model = await AddAsync(world, store, "notes", "onnx", kind: "embedding", dims: 384);
        Assert.Equal(("notes", "onnx", "1.0.0", "inactive", """{"键":1}""", "embedding", 384),
            (model.Name, model.Provider, model.Version, model.Status, model.Config, model.Kind, model.Dims));
        Assert.Equal(world.Time.GetUtcNow(), model.CreatedAt);
        Assert.Null(model.RetireAt);
        Assert.Null(await store.FindAsync(RowId.New(world.Time.GetUtcNow()), CancellationToken.None));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_name_and_provider_are_unique_and_an_earlier_try_is_found_by_its_id(Dialect dialect)
    {
        await using var world = await DatabaseWorld.CreateFrozenAsync(dialect);
        var store = new ModelStore(world.Database, world.Time);
        var first = await AddAsync(world, store, "notes", "onnx");
        var again = await store.InsertAsync(
            new Model { Id = first.Id, Name = "notes", Provider = "onnx", Version = "1.0.0" },
            new ModelVersion { Id = RowId.New(world.Time.GetUtcNow()), ModelId = first.Id, Version = "1.0.0" },
            CancellationToken.None);
        Assert.Equal(first.Id, again.Id);
        var e = await Assert.ThrowsAsync<ApiException>(() => AddAsync(world, store, "notes", "onnx"));
        Assert.Equal(ErrorCodes.ModelExists, e.Code);
        Assert.Equal(1, (await store.ListVersionsAsync(first.Id, Query(), CancellationToken.None)).Total);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Lists_filter_and_every_order_is_total(Dialect dialect)
    {
        await using var world = await DatabaseWorld.CreateFrozenAsync(dialect);
        var store = new ModelStore(world.Database, world.Time);
        // All at one instant: only the id keeps pages from repeating or skipping.
        for (var i = 0; i < 25; i++) await AddAsync(world, store, $"m{i}", i % 2 == 0 ? "even" : "odd");
        foreach (var sort in (string[])["name", "provider", "created_at", "updated_at"])
        {
            foreach (var descending in (bool[])[false, true])
            {
                var seen = new List<string>();
                for (var page = 1; page <= 4; page++)
                {
                    var (rows, total) = await store.ListAsync(
                        new ListQuery(page, 7, new ListSort(sort, descending), new Dictionary<string, string>()),
                        CancellationToken.None);
                    Assert.Equal(25, total);
                    seen.AddRange(rows.Select(row => row.Id));
                }

                Assert.Equal(25, seen.Distinct().Count());
            }
        }

        var filters = new Dictionary<string, string> { ["provider"] = "odd", ["status"] = "inactive" };
        Assert.Equal(12, (await store.ListAsync(new ListQuery(1, 5, null, filters), CancellationToken.None)).Total);
        filters["name"] = "m2";
        Assert.Equal(0, (await store.ListAsync(new ListQuery(1, 5, null, filters), CancellationToken.None)).Total);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_change_over_an_older_sight_of_the_model_is_refused_and_undone(Dialect dialect)
    {
        await using var world = await DatabaseWorld.CreateFrozenAsync(dialect);
        var store = new ModelStore(world.Database, world.Time);
        var seen = await AddAsync(world, store, "notes", "onnx");
        await store.SetStatusAsync(seen, ModelStatus.Active, null, CancellationToken.None);

        var late = await Assert.ThrowsAsync<ApiException>(
            () => store.SetStatusAsync(seen, ModelStatus.Deprecated, null, CancellationToken.None));
        Assert.Equal(ErrorCodes.ModelTransition, late.Code);
        var version = new ModelVersion
        {
            Id = RowId.New(world.Time.GetUtcNow()),
            ModelId = seen.Id,
            Version = "1.1.0",
            Major = 1,
        };
        await Assert.ThrowsAsync<ApiException>(
            () => store.AddVersionAsync(seen, version, null, CancellationToken.None));
        Assert.Null(await store.FindVersionAsync(seen.Id, "1.1.0", CancellationToken.None));

        var fresh = await store.GetAsync(seen.Id, CancellationToken.None);
        await store.AddVersionAsync(fresh, version, "why", CancellationToken.None);
        var now = await store.GetAsync(seen.Id, CancellationToken.None);
        Assert.Equal(("1.1.0", "why"), (now.Version, now.StatusReason));
        var twice = await Assert.ThrowsAsync<ApiException>(
            () => store.AddVersionAsync(now, version, null, CancellationToken.None));
        Assert.Equal(ErrorCodes.ModelVersionExists, twice.Code);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task What_a_test_measured_is_written_once(Dialect dialect)
    {
        await using var world = await DatabaseWorld.CreateFrozenAsync(dialect);
        var store = new ModelStore(world.Database, world.Time);
        var model = await AddAsync(world, store, "notes", "onnx");
        var first = new ModelTest { Passed = true, LatencyMs = 1, Kind = "embedding", Dims = 4, MaxTokens = 512 };
        var later = new ModelTest { Passed = true, LatencyMs = 1, Kind = "tensors", Checksum = "x", MaxTokens = 9 };
        await store.FillFactsAsync(model.Id, "1.0.0", first, CancellationToken.None);
        await store.FillFactsAsync(model.Id, "1.0.0", later, CancellationToken.None);
        var version = await store.FindVersionAsync(model.Id, "1.0.0", CancellationToken.None);
        Assert.Equal(("embedding", 4, null), (version!.Kind, version.Dims, version.Checksum));
        Assert.Equal(512, ModelFacts.Of(version).MaxTokens);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Deleting_takes_the_versions_along_and_spares_what_is_used(Dialect dialect)
    {
        await using var world = await DatabaseWorld.CreateFrozenAsync(dialect);
        var store = new ModelStore(world.Database, world.Time);
        var model = await AddAsync(world, store, "notes", "onnx");
        var used = await AddAsync(world, store, "used", "onnx");
        await world.Database.WriteAsync(
            session => session.ExecuteAsync(
                """
                INSERT INTO tai_vector_collections (id, name, dims, index_type, model_id, created_at, updated_at)
                VALUES (@Id, 'c', 4, 'FLAT', @Id, @Now, @Now)
                """,
                new { used.Id, Now = world.Time.GetUtcNow() }),
            CancellationToken.None);
        var aliases = new ModelAliasStore(world.Database, world.Time);
        await aliases.ApplyAsync(model.Id, [new ModelAliasChange("best", "1.0.0")], CancellationToken.None);
        await store.DeleteAsync(model.Id, CancellationToken.None);
        Assert.Empty(await aliases.ListAsync(model.Id, CancellationToken.None));
        Assert.Equal(0, (await store.ListVersionsAsync(model.Id, Query(), CancellationToken.None)).Total);
        var e = await Assert.ThrowsAsync<ApiException>(() => store.DeleteAsync(used.Id, CancellationToken.None));
        Assert.Equal(ErrorCodes.ModelInUse, e.Code);
        Assert.NotNull(await store.FindAsync(used.Id, CancellationToken.None));
    }

    internal static Task<Model> AddAsync(
        DatabaseWorld world, ModelStore store, string name, string provider, string version = "1.0.0",
        string status = ModelStatus.Inactive, string? kind = null, int? dims = null)
    {
        var now = world.Time.GetUtcNow();
        var id = RowId.New(now);
        return store.InsertAsync(
            new Model
            {
                Id = id,
                Name = name,
                Provider = provider,
                Version = version,
                Status = status,
                Config = """{"键":1}""",
                CreatedAt = now,
                UpdatedAt = now,
            },
            new ModelVersion
            {
                Id = RowId.New(now),
                ModelId = id,
                Version = version,
                Major = 1,
                Config = """{"键":1}""",
                Kind = kind,
                Dims = dims,
                CreatedAt = now,
            },
            CancellationToken.None);
    }

    private static ListQuery Query() => new(1, 20, null, new Dictionary<string, string>());
}
