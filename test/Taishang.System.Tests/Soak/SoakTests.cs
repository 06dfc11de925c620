using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Taishang.System.Tests.Soak;

/// <summary>
/// Callers of every kind while cores and ai workers are killed, the database crashes and cores are paused past their
/// leases. TAISHANG_SOAK_SEED sets another seed; what happens when is up to the machine all the same.
/// </summary>
public sealed class SoakTests(ITestOutputHelper output)
{
    private const int DefaultSeed = 20261125;
    private const int Callers = 6;
    private const int FaultsShown = 50;
    private const int ErrorsShown = 30;

    private static readonly TimeSpan LongForm = TimeSpan.FromMinutes(5);

    /// <summary>So long may it take until all has ended after the last harm.</summary>
    private static readonly TimeSpan RestMax = TimeSpan.FromMinutes(3);

    private static bool IsLong => Environment.GetEnvironmentVariable("TAISHANG_LONG_TESTS") == "1";

    private static int Seed => int.Parse(
        Environment.GetEnvironmentVariable("TAISHANG_SOAK_SEED") ?? $"{DefaultSeed}", CultureInfo.InvariantCulture);

    [Fact]
    public async Task Every_task_ends_once_and_its_effects_are_applied_once_whatever_dies_meanwhile()
    {
        output.WriteLine($"seed {Seed}");
        await using var cluster = await SoakCluster.StartAsync();
        var book = new SoakBook();
        var clients = Enumerable.Range(0, Callers + 2)
            .Select(i => new SoakClient(cluster, new Random((Seed * 31) + i))).ToArray();
        var judge = clients[Callers];
        await MakeCollectionAsync(judge);
        var schedule = await ScheduleAsync(judge, "each-second", "* * * * * *", "all", "allow");
        var other = await ScheduleAsync(judge, "one-at-a-time", "*/2 * * * * *", "once", "skip");

        using var stopLoad = new CancellationTokenSource();
        using var stopWatch = new CancellationTokenSource();
        var sampler = new SoakSampler(cluster.Database);
        var watcher = new SoakWatcher(cluster, new Random(Seed + 1));
        var watching = Task.WhenAll(sampler.RunAsync(stopWatch.Token), watcher.RunAsync(stopWatch.Token));
        var loads = clients[..Callers].Select(client => new SoakLoad(client, book).RunAsync(stopLoad.Token)).ToArray();
        var evil = new SoakEvil(cluster, new SoakLoad(clients[Callers + 1], book), new Random(Seed));
        var watch = Stopwatch.StartNew();
        try
        {
            await (IsLong ? evil.UntilAsync(LongForm) : evil.OnceAsync());
            await stopLoad.CancelAsync();
            await Task.WhenAll(loads);
            foreach (var id in new[] { schedule, other }) _ = await judge.DoAsync($"schedules/{id}", "pause");
            await RestAsync(cluster, judge);

            var verdict = new SoakVerdict(cluster, judge, book);
            await verdict.JudgeAsync([schedule]);
            await CaughtUpAsync(watcher, verdict);
            await stopWatch.CancelAsync();
            await watching;
            Report(cluster, evil, verdict, sampler, clients, watch.Elapsed);
            output.WriteLine($"streams: {watcher.Seen.Count} events over {watcher.Connections} connections");
            foreach (var fault in verdict.Faults.Take(FaultsShown)) output.WriteLine(fault);
            Assert.Empty(verdict.Faults);
            Assert.Empty(sampler.Broken);
            Assert.Empty(cluster.Died());
            Assert.Empty(verdict.LineIds.Except(watcher.Seen));
            Assert.NotEqual(0, verdict.LateEnds);
            Assert.NotEqual(0, evil.Done.GetValueOrDefault(SoakEvil.Bounced));
        }
        catch
        {
            foreach (var (line, count) in Errors(cluster).Take(ErrorsShown)) output.WriteLine($"{count} × {line}");
            throw;
        }
        finally
        {
            await stopLoad.CancelAsync();
            await stopWatch.CancelAsync();
        }
    }

    private static async Task MakeCollectionAsync(SoakClient client) => await client.CreateAsync(
        "vector_collections",
        new
        {
            name = SoakBook.Collection,
            dims = 1024,
            index_type = "FLAT",
            metric_type = "cosine",
            model = "taishang-embed",
        },
        "collection");

    private static async Task<string> ScheduleAsync(
        SoakClient client, string name, string cron, string missed, string overlap)
    {
        var body = new JsonObject
        {
            ["name"] = name,
            ["cron"] = cron,
            ["missed"] = missed,
            ["overlap"] = overlap,
            ["type"] = LedgerExecutor.TypeName,
            ["payload"] = new JsonObject { ["amount"] = 1, ["hold_ms"] = 20 },
        };
        return (string)(await client.CreateAsync("tasks/schedules", body, name))["id"]!;
    }

    /// <summary>Starts what is parked, until nothing lives any more.</summary>
    private static async Task RestAsync(SoakCluster cluster, SoakClient client)
    {
        var watch = Stopwatch.StartNew();
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(250));
        List<SoakRow> live;
        while ((live = [.. (await cluster.Database.RowsAsync()).Where(row => !row.HasEnded)]).Count > 0)
        {
            if (watch.Elapsed > RestMax)
            {
                throw new TimeoutException(
                    $"{live.Count} tasks have not ended after {RestMax}: {string.Join('\n', live.Take(20))}\n"
                        + await cluster.Database.ActivityAsync());
            }

            foreach (var parked in live.Where(row => row is { Status: "pending", IsQueued: false }))
                _ = await client.DoAsync(parked.Id, "start");
            await pause.WaitForNextTickAsync();
        }
    }

    /// <summary>The stream is a moment behind.</summary>
    private static async Task CaughtUpAsync(SoakWatcher watcher, SoakVerdict verdict)
    {
        var watch = Stopwatch.StartNew();
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(200));
        while (verdict.LineIds.Except(watcher.Seen).Any() && watch.Elapsed < TimeSpan.FromSeconds(45))
            await pause.WaitForNextTickAsync();
    }

    private void Report(
        SoakCluster cluster, SoakEvil evil, SoakVerdict verdict, SoakSampler sampler, SoakClient[] clients,
        TimeSpan elapsed)
    {
        output.WriteLine($"{elapsed.TotalSeconds:0} s: {verdict.TaskCount} tasks, {verdict.Attempts} attempts, "
            + $"{verdict.Rescues} rescues, {verdict.LateEnds} late ends, "
            + $"{clients.Sum(one => one.Repeats)} calls repeated");
        output.WriteLine(string.Join(", ", evil.Done.Select(one => $"{one.Key} {one.Value}")));
        output.WriteLine($"at most {sampler.MostRunning} ran at once, in {sampler.Looks} looks");
    }

    /// <summary>
    /// Errors in the logs of all lives, the most frequent first, without those that are meant: the database is down,
    /// and an attempt does not let go.
    /// </summary>
    private static IEnumerable<(string Line, int Count)> Errors(SoakCluster cluster) => cluster.Outputs
        .SelectMany(text => text.Split('\n'))
        .Where(line => line.Contains("\"error\"", StringComparison.Ordinal) || line.Contains("nhandled"))
        .Where(line => !line.Contains("database_unavailable", StringComparison.Ordinal)
            && !line.Contains("does not let go", StringComparison.Ordinal))
        .GroupBy(Shape)
        .Select(group => (group.First()[..Math.Min(1_000, group.First().Length)], group.Count()))
        .OrderByDescending(one => one.Item2);

    private static string Shape(string line)
    {
        var letters = new string([.. line.Where(letter => !char.IsAsciiHexDigit(letter))]);
        return letters[..Math.Min(150, letters.Length)];
    }
}
