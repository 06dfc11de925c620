using Microsoft.Extensions.Options;
using Taishang.Core.Api;
using Taishang.Core.Data;
using Taishang.Core.Models;
using Taishang.Core.Security;
using Taishang.Testing.Databases;
using Taishang.Testing.Hosts;

namespace Taishang.Core.Tests.Models;

public sealed class ModelGateTests
{
    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_model_is_found_by_id_by_provider_and_name_and_by_a_name_that_is_its_alone(Dialect dialect)
    {
        await using var world = await DatabaseWorld.CreateFrozenAsync(dialect);
        var (store, gate, _) = Make(world);
        var mini = await AddAsync(world, store, "mini", "openai");
        var other = await AddAsync(world, store, "mini", "onnx");
        var slashed = await AddAsync(world, store, "org/model", "onnx");

        async Task<string> Find(string reference) =>
            (await gate.RequireAsync(reference, null, null, CancellationToken.None)).Model.Id;

        Assert.Equal(mini.Id, await Find(mini.Id));
        Assert.Equal(mini.Id, await Find("openai/mini"));
        Assert.Equal(other.Id, await Find("onnx/mini"));
        Assert.Equal(slashed.Id, await Find("org/model"));
        Assert.Equal(slashed.Id, await Find("onnx/org/model"));
        var ambiguous = await Assert.ThrowsAsync<ApiException>(() => Find("mini"));
        Assert.Equal(ErrorCodes.ModelInvalid, ambiguous.Code);
        Assert.Contains("openai/mini, onnx/mini", ambiguous.Message, StringComparison.Ordinal);
        foreach (var unknown in (string[])["", "/", "maxi", "onnx/maxi", RowId.New(world.Time.GetUtcNow())])
            Assert.Equal(ErrorCodes.ModelNotFound, (await Assert.ThrowsAsync<ApiException>(() => Find(unknown))).Code);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_version_is_found_by_alias_or_number_and_a_name_that_holds_the_sign_comes_first(Dialect dialect)
    {
        await using var world = await DatabaseWorld.CreateFrozenAsync(dialect);
        var (store, gate, _) = Make(world);
        var aliases = new ModelAliasStore(world.Database, world.Time);
        var model = await AddAsync(world, store, "mini", "onnx");
        await AddVersionAsync(world, store, model.Id, "1.1.0", 1);
        var signed = await AddAsync(world, store, "mini@best", "onnx");
        await AddAsync(world, store, $"{model.Id}@best", "onnx");
        foreach (var (id, alias) in ((string, string)[])[(model.Id, "best"), (model.Id, "good"), (signed.Id, "best")])
            await aliases.ApplyAsync(id, [new ModelAliasChange(alias, "1.0.0")], CancellationToken.None);

        async Task<(string, string)> Find(string reference)
        {
            var usable = await gate.RequireAsync(reference, null, null, CancellationToken.None);
            return (usable.Model.Name, usable.Spec.Version);
        }

        Assert.Equal(("mini", "1.1.0"), await Find("mini"));
        Assert.Equal(("mini", "1.0.0"), await Find("mini@good"));
        Assert.Equal(("mini", "1.0.0"), await Find("onnx/mini@1.0.0"));
        Assert.Equal(("mini", "1.0.0"), await Find($"{model.Id}@best"));
        Assert.Equal(("mini@best", "1.0.0"), await Find("mini@best"));
        Assert.Equal(("mini@best", "1.0.0"), await Find("onnx/mini@best@best"));
        foreach (var (unknown, code) in ((string, ErrorCode)[])
            [("mini@bad", ErrorCodes.ModelAliasNotFound), ("mini@2.0.0", ErrorCodes.ModelVersionNotFound),
             ("maxi@good", ErrorCodes.ModelNotFound), ("mini@", ErrorCodes.ModelNotFound),
             ("mini@NO", ErrorCodes.ModelNotFound), ("@good", ErrorCodes.ModelNotFound)])
            Assert.Equal(code, (await Assert.ThrowsAsync<ApiException>(() => Find(unknown))).Code);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Bound_to_a_major_the_newest_version_within_it_runs_whatever_is_current(Dialect dialect)
    {
        await using var world = await DatabaseWorld.CreateFrozenAsync(dialect);
        var (store, gate, _) = Make(world);
        var model = await AddAsync(world, store, "mini", "onnx");
        foreach (var (version, major) in ((string, int)[])
            [("1.10.0", 1), ("1.9.0", 1), ("1.11.0-rc.1", 1), ("1.10.0-rc.1", 1), ("3.0.0-a", 3),
             ("3.0.0-b", 3), ("2.0.0", 2)])
            await AddVersionAsync(world, store, model.Id, version, major);

        async Task<string> Run(int? major) =>
            (await gate.RequireAsync("onnx/mini", major, null, CancellationToken.None)).Spec.Version;

        Assert.Equal("2.0.0", await Run(null));
        Assert.Equal("1.10.0", await Run(1));
        Assert.Equal("2.0.0", await Run(2));
        Assert.Equal("3.0.0-b", await Run(3));
        var e = await Assert.ThrowsAsync<ApiException>(() => Run(4));
        Assert.Equal(ErrorCodes.ModelVersionNotFound, e.Code);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task What_was_looked_up_is_believed_for_a_while_and_forgotten_at_a_change(Dialect dialect)
    {
        await using var world = await DatabaseWorld.CreateFrozenAsync(dialect);
        var (store, gate, _) = Make(world);
        var model = await AddAsync(world, store, "mini", "onnx");
        Task<UsableModel> Run() => gate.RequireAsync("mini", null, null, CancellationToken.None);

        await Run();
        await store.SetStatusAsync(model, ModelStatus.Inactive, "by another core", CancellationToken.None);
        await Run();
        world.FakeTime.Advance(TimeSpan.FromSeconds(3));
        var e = await Assert.ThrowsAsync<ApiException>(Run);
        Assert.Equal(ErrorCodes.ModelNotActive, e.Code);

        var inactive = await store.GetAsync(model.Id, CancellationToken.None);
        await store.SetStatusAsync(inactive, ModelStatus.Active, null, CancellationToken.None);
        gate.Forget();
        await Run();
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task The_default_embedder_is_there_after_the_seed_and_seeding_again_changes_nothing(Dialect dialect)
    {
        await using var world = await DatabaseWorld.CreateFrozenAsync(dialect);
        var (store, gate, _) = Make(world);
        var stores = Enumerable.Range(0, 4).Select(_ => new ModelStore(world.OpenAnother(), world.Time)).ToList();
        await Task.WhenAll(stores.Select(s => SeedAsync(s, world)));
        var model = await gate.RequireDefaultEmbeddingAsync(null, CancellationToken.None);
        Assert.Equal(("builtin", "taishang-embed", "1.0.0", 1024, "{}"), (model.Spec.Provider, model.Spec.Name,
            model.Spec.Version, model.Version.Dims, model.Spec.ConfigJson));

        await store.SetStatusAsync(model.Model, ModelStatus.Inactive, "not wanted", CancellationToken.None);
        await SeedAsync(store, world);
        var kept = await store.GetAsync(model.Model.Id, CancellationToken.None);
        Assert.Equal("not wanted", kept.StatusReason);
        Assert.Equal(1, (await store.ListAsync(
            new ListQuery(1, 20, null, new Dictionary<string, string>()), CancellationToken.None)).Total);
    }

    private static async Task SeedAsync(ModelStore store, DatabaseWorld world)
    {
        var state = new DatabaseState();
        state.SetReady();
        using var seed = new ModelSeed(
            store, state, world.Time, Microsoft.Extensions.Logging.Abstractions.NullLogger<ModelSeed>.Instance);
        await seed.StartAsync(CancellationToken.None);
        await seed.StopAsync(CancellationToken.None);
    }

    private static (ModelStore Store, ModelGate Gate, FakeAiClient Ai) Make(DatabaseWorld world)
    {
        var store = new ModelStore(world.Database, world.Time);
        var ai = new FakeAiClient();
        var tester = new ModelTester(ai, store, new ConfigSecrets(new SecretBox(new byte[32])));
        return (store, new ModelGate(store, tester, Options.Create(new ModelOptions()), world.Time), ai);
    }

    private static Task<Model> AddAsync(DatabaseWorld world, ModelStore store, string name, string provider)
    {
        world.FakeTime.Advance(TimeSpan.FromMilliseconds(1));
        return ModelStoreTests.AddAsync(world, store, name, provider, status: ModelStatus.Active);
    }

    private static async Task AddVersionAsync(
        DatabaseWorld world, ModelStore store, string modelId, string version, int major)
    {
        var row = new ModelVersion
        {
            Id = RowId.New(world.Time.GetUtcNow()),
            ModelId = modelId,
            Version = version,
            Major = major,
            CreatedAt = world.Time.GetUtcNow(),
        };
        var seen = await store.GetAsync(modelId, CancellationToken.None);
        await store.AddVersionAsync(seen, row, null, CancellationToken.None);
    }
}
