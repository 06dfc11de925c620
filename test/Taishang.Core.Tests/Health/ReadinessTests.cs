using Taishang.Core.Data;
using Taishang.Core.Health;
using Taishang.Core.Tests.AiClient;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Health;

public sealed class ReadinessTests
{
    [Theory]
    [ClassData(typeof(EveryDatabase))]
    public async Task Core_is_ready_once_its_database_is_migrated_and_answers(Dialect dialect)
    {
        await using var world = await DatabaseWorld.CreateAsync(dialect);
        var state = new DatabaseState();
        var check = new DatabaseReadiness(world.Database, state);

        var before = await check.CheckAsync(CancellationToken.None);
        state.SetReady();
        var after = await check.CheckAsync(CancellationToken.None);

        Assert.False(before.IsReady);
        Assert.NotNull(before.Reason);
        Assert.True(after.IsReady);
    }

    [Fact]
    public async Task Core_is_ready_only_while_a_worker_serves_and_says_why_not()
    {
        await using var worker = await FakeWorker.StartAsync();
        await using var world = await ClientWorld.StartAsync(worker.Address);
        var check = new AiReadiness(world.Pool);
        Assert.True((await check.CheckAsync(CancellationToken.None)).IsReady);

        await worker.KillAsync();
        await world.UntilAsync(pool => !pool.AnyServing);
        var without = await check.CheckAsync(CancellationToken.None);
        Assert.False(without.IsReady);
        Assert.Contains(worker.Address, without.Reason, StringComparison.Ordinal);

        await worker.RestartAsync();
        await world.UntilAsync(pool => pool.AnyServing);
        Assert.True((await check.CheckAsync(CancellationToken.None)).IsReady);
    }
}
