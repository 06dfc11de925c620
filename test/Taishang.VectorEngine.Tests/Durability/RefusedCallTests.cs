namespace Taishang.VectorEngine.Tests.Durability;

/// <summary>
/// A call that was refused never comes back, whatever the disk refuses behind the step that failed and whatever a power
/// cut leaves of what was not synced; where the disk takes nothing at all any more, the call is told to be in doubt.
/// </summary>
public sealed class RefusedCallTests
{
    private const int RowCount = 8;
    private const int StepsMax = 60;
    private const int FailuresMax = 6;

    /// <summary>What machines may find that start again.</summary>
    private const int Outcomes = 6;

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task A_refused_call_never_comes_back_and_one_that_may_says_so(int shards)
    {
        await using var folder = new EngineFolder();
        folder.Engine = folder.Engine with { SyncBeforeAcknowledge = true, BuildThreads = 1 };
        var made = new PowerCutDevice(new Dictionary<string, byte[]>(), int.MaxValue);
        folder.Device = made;
        var collection = await folder.CreateAnyAsync(
            StorageForms.Options(IndexKind.Flat, shards, CompressionKind.None, RerankKind.Float32));
        await WriteAsync(collection, "first");
        await collection.DisposeAsync();
        var files = made.Cut(new Random(0));
        var seen = new Dictionary<Fate, int>();
        var isOver = false;
        for (var step = 0; step < StepsMax && !isOver; step++)
        {
            for (var failures = 1; failures <= FailuresMax; failures++)
            {
                var device = new PowerCutDevice(files, int.MaxValue);
                await using var running = await VectorCollections.OpenAsync(
                    folder.Path, folder.Engine, device, CancellationToken.None);
                device.FailFrom(step, failures);
                var fate = await WriteAsync(running, "second");
                isOver = failures == FailuresMax && fate == Fate.Taken && !device.HasFailedEnough;
                seen[fate] = seen.GetValueOrDefault(fate) + 1;
                await CheckAsync(folder, device, fate, $"step {step}, {failures} failures");

                // The next write that the disk takes ends every doubt.
                device.FailFrom(0, 0);
                await WriteAsync(running, "third");
                await CheckAsync(
                    folder, device, fate == Fate.InDoubt ? Fate.Refused : fate, $"step {step}, {failures}, gone on");
            }
        }

        Assert.True(isOver, "the last step was not reached");
        Assert.All(
            Enum.GetValues<Fate>(), fate => Assert.True(seen.GetValueOrDefault(fate) > 1, $"{fate} was not met"));
    }

    private static async Task CheckAsync(EngineFolder folder, PowerCutDevice device, Fate fate, string where)
    {
        var random = new Random(7);
        for (var outcome = 0; outcome < Outcomes; outcome++)
        {
            await using var again = await OpenBesideAsync(folder, device.Cut(random));
            Assert.Equal(RowCount, CountOf(again, "first"));
            var second = CountOf(again, "second");
            Assert.True(
                fate switch
                {
                    Fate.Taken => second == RowCount,
                    Fate.Refused => second == 0,
                    _ => second is 0 or RowCount,
                },
                $"{where}: {fate}, and {second} rows were found");
        }
    }

    private static async Task<Fate> WriteAsync(IVectorCollection collection, string name)
    {
        try
        {
            await collection.UpsertAsync(
                [.. Enumerable.Range(0, RowCount).Select(i => Rows.Row($"{name}{i}", [i, 1, 2, 3]))],
                CancellationToken.None);
            return Fate.Taken;
        }
        catch (WriteFailedException exception)
        {
            Assert.Equal(0, CountOf(collection, name));
            return exception.IsInDoubt ? Fate.InDoubt : Fate.Refused;
        }
    }

    private static int CountOf(IVectorCollection collection, string name) =>
        collection.Get([.. Enumerable.Range(0, RowCount).Select(i => new VectorId($"{name}{i}"))]).Count;

    /// <summary>Another machine that finds these files; in a place of its own, for the folder's lock is of the real
    /// disk.</summary>
    private static Task<IVectorCollection> OpenBesideAsync(EngineFolder folder, Dictionary<string, byte[]> files)
    {
        var moved = files.ToDictionary(
            file => folder.Beside("again") + file.Key[folder.Path.Length..], file => file.Value);
        foreach (var path in moved.Keys)
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        return VectorCollections.OpenAsync(
            folder.Beside("again"), folder.Engine, new PowerCutDevice(moved, int.MaxValue), CancellationToken.None);
    }

    private enum Fate
    {
        Taken,
        Refused,
        InDoubt,
    }
}
