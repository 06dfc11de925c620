using System.Diagnostics;
using System.Globalization;
using System.Text;
using Taishang.VectorEngine.Segments;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Tests.Durability;

/// <summary>
/// Kills a writing process without warning (kill -9), many times over one folder for each index kind, for shards and
/// for compressions, and checks after each kill that every acknowledged write is there exactly once, that nothing
/// deleted came back, and that of the write under way all is there or nothing, over however many shards it went. Every
/// second kill meets a build or a compaction. TAISHANG_LONG_TESTS=1 kills 1,000 times.
/// </summary>
public sealed class CrashTests(ITestOutputHelper output)
{
    private const int IdCount = 300;

    /// <summary>Lines after which the process is killed if no maintenance came for it to be killed in.</summary>
    private const int LinesMax = 400;

    /// <summary>So many kills cannot all come too late for the maintenance that they were meant for.</summary>
    private const int KillsThatMeetMaintenance = 10;

    private static readonly int Kills = Environment.GetEnvironmentVariable("TAISHANG_LONG_TESTS") == "1" ? 1000 : 26;

    public static TheoryData<IndexKind, int, CompressionKind, RerankKind> Forms => StorageForms.All;

    [Theory]
    [MemberData(nameof(Forms))]
    public async Task A_killed_process_loses_nothing_that_it_acknowledged(
        IndexKind kind, int shards, CompressionKind compression, RerankKind rerank)
    {
        string[] form = [$"{kind}", $"{shards}", $"{compression}", $"{rerank}"];
        await using var folder = new EngineFolder();
        var random = new Random(4242 + (int)kind + 10 * shards + 100 * (int)compression);
        var held = new Dictionary<int, int>();
        long acknowledged = 0;
        var inMaintenance = 0;
        var begun = 0;
        var leftovers = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var kills = (Kills + Forms.Count - 1) / Forms.Count;
        for (var kill = 0; kill < kills; kill++)
        {
            var plan = new Plan(1000 + kill, 5 + random.Next(200), random.Next(15), IsInMaintenance: kill % 2 == 1);
            var lines = await RunUntilKilledAsync(folder.Path, form, plan);
            var unsure = Follow(lines, held, ref acknowledged);
            inMaintenance += IsInMaintenance(lines) ? 1 : 0;
            foreach (var path in Directory.EnumerateFiles(folder.Path, "*.tmp", SearchOption.AllDirectories))
            {
                var file = Path.GetFileName(path).Split('-', '.')[0];
                leftovers[file] = leftovers.GetValueOrDefault(file) + 1;
            }

            begun += Directory.EnumerateFiles(folder.Path, Manifest.FileName, SearchOption.AllDirectories)
                .Count(path => Manifest.Load(DiskDevice.Instance, Path.GetDirectoryName(path)!).Begun is not null);
            await using var collection = await VectorCollections.OpenAsync(
                folder.Path, folder.Engine, CancellationToken.None);
            Check(collection, held, unsure, $"kill {kill}, seed {plan.Seed}");
        }

        output.WriteLine(
            $"{string.Join(' ', form)}: {kills} kills, {inMaintenance} of them in a build or compaction, "
            + $"{begun} compactions gone on with, half-written files met: "
            + $"{string.Join(", ", leftovers.Select(left => $"{left.Value} {left.Key}"))}; "
            + $"{acknowledged} writes acknowledged, none lost, none twice, none came back");
        Assert.True(acknowledged > kills * 5, $"only {acknowledged} operations were acknowledged");
        Assert.True(
            inMaintenance > 0 || kills < KillsThatMeetMaintenance,
            $"none of {kills} kills met a build or a compaction");
    }

    /// <summary>Lets the process write some lines, and a random moment more, and kills it.</summary>
    private static async Task<List<string>> RunUntilKilledAsync(string folder, string[] form, Plan plan)
    {
        var (seed, lines, moreMs, inMaintenance) = plan;
        var program = Path.Combine(AppContext.BaseDirectory, "Taishang.VectorEngine.Crash.dll");
        var start = new ProcessStartInfo("dotnet")
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            ArgumentList = { program, folder, seed.ToString(CultureInfo.InvariantCulture) },
        };
        foreach (var part in form)
            start.ArgumentList.Add(part);
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var seen = new List<string>();
        while (!IsDue() && await process.StandardOutput.ReadLineAsync() is { } line)
            seen.Add(line);

        Assert.True(IsDue(), $"seed {seed}: the process ended by itself: {(IsDue() ? "" : await errors)}");
        var clock = Stopwatch.StartNew();
        while (clock.ElapsedMilliseconds < moreMs && await process.StandardOutput.ReadLineAsync() is { } line)
            seen.Add(line);

        process.Kill();
        while (await process.StandardOutput.ReadLineAsync() is { } line)
            seen.Add(line);

        await process.WaitForExitAsync();
        return seen;

        bool IsDue() => seen.Count >= LinesMax || (seen.Count >= lines
            && (!inMaintenance || seen[^1].StartsWith("begin ", StringComparison.Ordinal)));
    }

    private static bool IsInMaintenance(List<string> lines) =>
        lines.Count(line => line.StartsWith("begin ", StringComparison.Ordinal))
        > lines.Count(line => line.StartsWith("end ", StringComparison.Ordinal));

    /// <summary>Brings the expected rows up to what was acknowledged; returns what was tried and not acknowledged.
    /// </summary>
    private static string? Follow(List<string> lines, Dictionary<int, int> held, ref long acknowledged)
    {
        string? unsure = null;
        foreach (var line in lines)
        {
            if (line.StartsWith("try ", StringComparison.Ordinal))
            {
                unsure = line[4..];
            }
            else if (line == "ack " + unsure)
            {
                Apply(unsure!, held);
                unsure = null;
                acknowledged++;
            }
        }

        return unsure;
    }

    private static void Apply(string operation, Dictionary<int, int> held)
    {
        var parts = operation.Split(' ');
        var isDelete = parts[1] == "delete";
        foreach (var id in parts.Skip(isDelete ? 2 : 3).Select(int.Parse))
        {
            if (isDelete)
                held.Remove(id);
            else
                held[id] = int.Parse(parts[2]);
        }
    }

    /// <summary>The rows must be those acknowledged, or those and the whole of the write that was under way.</summary>
    private static void Check(IVectorCollection collection, Dictionary<int, int> held, string? unsure, string where)
    {
        var rows = collection.Get([.. Enumerable.Range(0, IdCount).Select(id => VectorId.FromInteger(id))]);
        var found = rows.ToDictionary(
            row => int.Parse(row.Id.Text),
            row => int.Parse(Encoding.UTF8.GetString(row.MetadataJson.Span)[5..^1]));
        Assert.All(rows, row => Assert.Equal((float)found[int.Parse(row.Id.Text)], row.Vector.Span[^1]));
        if (!Same(found, held) && unsure is not null)
            Apply(unsure, held);

        Assert.True(Same(found, held), $"{where}: {found.Count} rows found, {held.Count} acknowledged");
        Assert.Equal(found.Count, collection.Count());
        var hits = collection.Search(new SearchRequest(new float[Limits.BinaryDimensionsMin], 1000)).Ids();
        Assert.Equal(found.Count, hits.Length);
        Assert.Equal(found.Count, hits.Distinct().Count());
    }

    private static bool Same(Dictionary<int, int> left, Dictionary<int, int> right) =>
        left.Count == right.Count
        && left.All(pair => right.TryGetValue(pair.Key, out var value) && value == pair.Value);

    /// <summary>When a process is killed: after so many lines, where asked for with maintenance under way, and so many
    /// milliseconds more.</summary>
    private sealed record Plan(int Seed, int Lines, int MoreMs, bool IsInMaintenance);
}
