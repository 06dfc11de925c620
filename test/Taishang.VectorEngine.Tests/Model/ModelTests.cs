namespace Taishang.VectorEngine.Tests.Model;

/// <summary>
/// Seeded random operations of every kind, restarts and restores among them, against a dictionary and a plain loop:
/// over each index kind under each metric, 100,000 operations together, ten times as many when TAISHANG_LONG_TESTS is
/// 1. A failure says its seed and the number of the operation.
/// </summary>
public sealed class ModelTests
{
    private const int OperationsOfAll = 100_000;
    private const int LongFactor = 10;

    private static readonly bool IsLong = Environment.GetEnvironmentVariable("TAISHANG_LONG_TESTS") == "1";

    public static TheoryData<int, IndexKind, DistanceMetric> Worlds
    {
        get
        {
            var worlds = new TheoryData<int, IndexKind, DistanceMetric>();
            foreach (var kind in Enum.GetValues<IndexKind>())
            {
                foreach (var metric in Enum.GetValues<DistanceMetric>())
                    worlds.Add(worlds.Count + 1, kind, metric);
            }

            return worlds;
        }
    }

    [Theory]
    [MemberData(nameof(Worlds))]
    public async Task Random_operations_match_a_dictionary(int seed, IndexKind kind, DistanceMetric metric)
    {
        var operations = (OperationsOfAll + Worlds.Count - 1) / Worlds.Count * (IsLong ? LongFactor : 1);
        await using var run = new ModelRun(seed, kind, metric);
        try
        {
            await run.PlayAsync(operations);
        }
        catch (Exception exception)
        {
            throw new InvalidOperationException(
                $"seed {seed}, {kind}, {metric}, operation {run.Operation} ({run.Doing}): {exception.Message}",
                exception);
        }
    }
}
