namespace Taishang.VectorEngine.Tests.Durability;

/// <summary>
/// The power is cut after any change to the disk, and only what was synced is sure to be there: every acknowledged
/// write must be, and nothing else but the whole of the write under way. Over every index
/// kind, shards and compressions, a thousand cuts each when TAISHANG_LONG_TESTS is 1.
/// </summary>
public sealed class PowerCutTests(ITestOutputHelper output)
{
    private const int StepsMax = 150;

    /// <summary>What a machine may find, tried after each cut.</summary>
    private const int Outcomes = 3;

    private static readonly int Cuts = Environment.GetEnvironmentVariable("TAISHANG_LONG_TESTS") == "1" ? 1000 : 40;

    public static TheoryData<IndexKind, int, CompressionKind, RerankKind> Forms => StorageForms.All;

    [Theory]
    [MemberData(nameof(Forms))]
    public async Task Whatever_the_power_cut_took_every_acknowledged_write_is_there_once(
        IndexKind kind, int shards, CompressionKind compression, RerankKind rerank)
    {
        var options = StorageForms.Options(kind, shards, compression, rerank);
        await using var folder = new EngineFolder();
        folder.Engine = folder.Engine with { SyncBeforeAcknowledge = true, SealAfterRows = 12, SaveGraphAfterRows = 8 };
        var made = new PowerCutDevice(new Dictionary<string, byte[]>(), int.MaxValue);
        folder.Device = made;
        await (await folder.CreateAnyAsync(options)).DisposeAsync();
        var files = made.Cut(new Random(0));
        var world = new WriteWorld(options);
        var random = new Random(4711);
        for (var cut = 0; cut < Cuts; cut++)
        {
            var device = new PowerCutDevice(files, 5 + random.Next(StepsMax));
            await PlayAsync(folder, device, world, random);
            for (var outcome = 0; outcome < Outcomes; outcome++)
            {
                // What one machine finds says nothing of what another one would; the last one is gone on with.
                files = device.Cut(random);
                await using var again = await OpenAsync(folder, new PowerCutDevice(files, int.MaxValue));
                if (outcome < Outcomes - 1)
                    world.Check(again, $"cut {cut}, outcome {outcome}");
                else
                    world.Settle(again, $"cut {cut}");
            }
        }

        output.WriteLine($"{kind}, {shards} shards, {compression}: {Cuts} cuts, {world.Acknowledged} acknowledged");
        Assert.True(world.Acknowledged > Cuts * 3, $"only {world.Acknowledged} writes were acknowledged");
    }

    private static async Task PlayAsync(
        EngineFolder folder, PowerCutDevice device, WriteWorld world, Random random)
    {
        await using var collection = await OpenAsync(folder, device);
        while (!device.IsDead)
            await world.PlayAsync(collection, random, 20);
    }

    private static Task<IVectorCollection> OpenAsync(EngineFolder folder, PowerCutDevice device) =>
        VectorCollections.OpenAsync(folder.Path, folder.Engine, device, CancellationToken.None);
}
