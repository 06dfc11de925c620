using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Api;
using Taishang.Core.Data;
using Taishang.Core.Models;
using Taishang.Core.Security;
using Taishang.Core.Tasks;
using Taishang.Testing.Databases;
using Taishang.Testing.Hosts;

namespace Taishang.Core.Tests.Models;

public sealed class ModelWatchTests
{
    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_model_that_fails_again_and_again_is_warned_of_and_stays_active(Dialect dialect)
    {
        await using var world = await DatabaseWorld.CreateFrozenAsync(dialect);
        using var watch = new Watched(world, deactivateAfter: 0);
        var id = await watch.AddAsync(ModelStatus.Active);
        await watch.RoundAsync();
        Assert.Empty(watch.Ai.Requests);

        watch.Ai.On(AiCalls.TestModel, _ => new TestModelResponse { Reason = "401 from upstream" });
        for (var i = 0; i < 3; i++) await watch.LaterAsync();
        var model = await watch.Store.GetAsync(id, CancellationToken.None);
        Assert.Equal(("active", 3, "3 tests in a row failed: 401 from upstream", world.Time.GetUtcNow()),
            (model.Status, model.TestsFailed, model.StatusReason, model.TestedAt));

        watch.Ai.Forget("TestModel");
        await Assert.ThrowsAsync<ApiException>(watch.LaterAsync);
        Assert.Equal(3, (await watch.Store.GetAsync(id, CancellationToken.None)).TestsFailed);

        watch.Ai.WithPassingModels();
        await watch.LaterAsync();
        model = await watch.Store.GetAsync(id, CancellationToken.None);
        Assert.Equal(("active", 0, null), (model.Status, model.TestsFailed, model.StatusReason));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Only_where_it_is_asked_for_does_a_model_become_inactive_and_then_callers_are_told_why(
        Dialect dialect)
    {
        await using var world = await DatabaseWorld.CreateFrozenAsync(dialect);
        using var watch = new Watched(world, deactivateAfter: 2);
        var active = await watch.AddAsync(ModelStatus.Active);
        var ending = await watch.AddAsync(ModelStatus.Deprecated);
        await watch.AddAsync(ModelStatus.Inactive);
        watch.Ai.On(AiCalls.TestModel, _ => new TestModelResponse { Reason = "gone" });
        await watch.LaterAsync();
        await watch.Gate.RequireAsync(active, null, null, CancellationToken.None);
        await watch.LaterAsync();
        var refused = await Assert.ThrowsAsync<ApiException>(
            () => watch.Gate.RequireAsync(active, null, null, CancellationToken.None));
        Assert.Equal(ErrorCodes.ModelNotActive, refused.Code);
        Assert.Contains("2 tests in a row failed: gone", refused.Message, StringComparison.Ordinal);
        var deprecated = await watch.Store.GetAsync(ending, CancellationToken.None);
        Assert.Equal(("deprecated", 2), (deprecated.Status, deprecated.TestsFailed));
        await watch.LaterAsync();
        Assert.Equal(5, watch.Ai.Requests.Count);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_model_that_was_changed_during_its_test_is_left_as_it_is(Dialect dialect)
    {
        await using var world = await DatabaseWorld.CreateFrozenAsync(dialect);
        using var watch = new Watched(world, deactivateAfter: 1);
        var id = await watch.AddAsync(ModelStatus.Active);
        var seen = await watch.Store.GetAsync(id, CancellationToken.None);
        await watch.Store.SetStatusAsync(seen, ModelStatus.Inactive, "by hand", CancellationToken.None);
        Assert.False(await watch.Store.SetTestedAsync(seen, ModelStatus.Active, null, 0, CancellationToken.None));
        Assert.Equal("by hand", (await watch.Store.GetAsync(id, CancellationToken.None)).StatusReason);
    }

    private sealed class Watched : IDisposable
    {
        private readonly DatabaseWorld _world;
        private readonly ModelWatch _watch;
        private int _models;

        public Watched(DatabaseWorld world, int deactivateAfter)
        {
            _world = world;
            var options = Options.Create(new ModelOptions { RetestDeactivateAfter = deactivateAfter });
            Store = new ModelStore(world.Database, world.Time);
            var tester = new ModelTester(Ai, Store, new ConfigSecrets(new SecretBox(new byte[32])));
            Gate = new ModelGate(Store, tester, options, world.Time);
            var lead = new TaskLeadership(
                world.Database, world.Time, Options.Create(new TaskOptions { OnlyProcess = true }));
            _watch = new ModelWatch(
                Store, tester, Gate, lead, new DatabaseState(), world.Time, options, NullLogger<ModelWatch>.Instance);
        }

        public FakeAiClient Ai { get; } = new();

        public ModelStore Store { get; }

        public ModelGate Gate { get; }

        public async Task<string> AddAsync(string status) =>
            (await ModelStoreTests.AddAsync(_world, Store, $"m{_models++}", "onnx", status: status)).Id;

        public Task RoundAsync() => _watch.RoundAsync(CancellationToken.None);

        public Task LaterAsync()
        {
            _world.FakeTime.Advance(TimeSpan.FromMinutes(31));
            return RoundAsync();
        }

        public void Dispose() => _watch.Dispose();
    }
}
