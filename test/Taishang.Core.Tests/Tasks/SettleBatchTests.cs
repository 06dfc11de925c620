using Taishang.Core.Data;
using Taishang.Core.Tasks;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Tasks;

public sealed class SettleBatchTests
{
    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_late_end_in_one_batch_with_the_end_of_a_newer_attempt_bounces(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect, options =>
        {
            options.Default.BackoffBaseMs = 0;
            options.Default.BackoffMaxMs = 0;
        });
        var task = await world.AddAsync();
        var late = await world.Node.ClaimOneAsync();
        world.Data.FakeTime.Advance(TimeSpan.FromMinutes(1));
        await world.Node.RescueAsync();
        var newer = await world.Node.ClaimOneAsync();

        var held = await world.Node.Queue.SettleAsync(
            "w1",
            [
                new Settlement(late, AttemptEnd.Completed) { Result = """{"by":"late"}""" },
                new Settlement(newer, AttemptEnd.Completed) { Result = """{"by":"newer"}""" },
            ],
            default);

        Assert.Equal([false, true], held);
        Assert.Equal("""{"by":"newer"}""", (await world.GetAsync(task.Id)).Result);
        Assert.Equal(
            ["create queued", "claim running", "rescue queued", "claim running", "complete completed"],
            await world.TrailAsync(task.Id));
    }
}
