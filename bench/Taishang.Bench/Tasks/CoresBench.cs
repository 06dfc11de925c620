using System.Diagnostics;
using Dapper;
using Npgsql;

namespace Taishang.Bench.Tasks;

/// <summary>
/// One, two and three core processes on one PostgreSQL, each creating its share of the tasks and running whatever it
/// claims. Afterwards every task must have been claimed and completed exactly once.
/// </summary>
internal static class CoresBench
{
    public const string ChildVerb = "tasks-child";

    private const int CoresMax = 3;
    private const int Rounds = 3;

    /// <summary>Of each process: a server runs for weeks, and what is compiled in the first seconds is not the queue's.
    /// </summary>
    private const int WarmUp = 6_000;

    private const string Counts = """
        SELECT count(*) FILTER (WHERE verb = 'claim'), count(*) FILTER (WHERE verb = 'complete'),
            count(DISTINCT task_id), count(*) FILTER (WHERE verb NOT IN ('create', 'claim', 'complete'))
        FROM TABLE
        """;

    public static async Task RunAsync(BenchPostgres postgres, int tasks, CancellationToken cancellation)
    {
        var report = new Report(
            $"tasks postgresql: {tasks} no-op tasks in several processes, medians of {Rounds} rounds");
        var measured = Enumerable.Range(1, CoresMax).ToDictionary(
            cores => cores, _ => new List<(double Speed, double CpuUs, double ServerUs)>());
        // Taken in turn, so that a machine that slows down meanwhile slows all of them.
        for (var round = 0; round < Rounds; round++)
        {
            for (var cores = 1; cores <= CoresMax; cores++)
            {
                var connection = await postgres.CreateDatabaseAsync($"cores{cores}round{round}");
                measured[cores].Add(await MeasureAsync(postgres, connection, cores, tasks, cancellation));
            }
        }

        foreach (var (cores, rounds) in measured)
        {
            var name = $"{cores} {(cores == 1 ? "process" : "processes")}";
            report.Add(name, Median(rounds.Select(round => round.Speed)), "tasks/s");
            report.Add($"{name}, slowest", rounds.Min(round => round.Speed), "tasks/s");
            report.Add($"{name}, fastest", rounds.Max(round => round.Speed), "tasks/s");
            report.Add($"{name}, CPU of the cores", Median(rounds.Select(round => round.CpuUs)), "us/task");
            report.Add($"{name}, CPU of the server", Median(rounds.Select(round => round.ServerUs)), "us/task");
        }

        report.Print();
    }

    /// <summary>A process of its own: says when it is ready, creates its share when told, runs to the end.</summary>
    public static async Task ChildAsync(string[] arguments, CancellationToken cancellation)
    {
        await using var host = await TaskBenchHost.StartAsync(arguments[0]);
        await host.CreateAsync(int.Parse(arguments[2]), cancellation);
        await Console.Out.WriteLineAsync("ready");
        while (await Console.In.ReadLineAsync(cancellation) == "go")
        {
            await host.CreateAsync(int.Parse(arguments[1]), cancellation);
            await Console.Out.WriteLineAsync("created");
        }
    }

    private static async Task<(double Speed, double CpuUs, double ServerUs)> MeasureAsync(
        BenchPostgres postgres, string connection, int cores, int tasks, CancellationToken cancellation)
    {
        var share = tasks / cores;
        var children = new List<Process>();
        try
        {
            for (var i = 0; i < cores; i++)
            {
                children.Add(Start(connection, share));
                await children[^1].StandardOutput.ReadLineAsync(cancellation);
            }

            await using var database = new NpgsqlConnection(connection);
            var table = $"tai_task_events_{TimeProvider.System.GetUtcNow():yyyyMM}";
            await WaitAsync(database, cancellation);
            var (cpu, server) = (CpuTime(children), postgres.CpuTime());
            var watch = Stopwatch.StartNew();
            foreach (var child in children) await child.StandardInput.WriteLineAsync("go");
            foreach (var child in children) await child.StandardOutput.ReadLineAsync(cancellation);
            await WaitAsync(database, cancellation);
            var elapsed = watch.Elapsed;
            (cpu, server) = (CpuTime(children) - cpu, postgres.CpuTime() - server);
            var (claims, completions, distinct, others) = await database.QuerySingleAsync<(long, long, long, long)>(
                Counts.Replace("TABLE", table, StringComparison.Ordinal));
            if (claims != completions || completions != distinct || others > 0 || claims != (WarmUp + share) * cores)
            {
                throw new InvalidOperationException(
                    $"{distinct} tasks: claimed {claims} times, completed {completions} times, else moved {others}");
            }

            var count = share * cores;
            return (
                count / elapsed.TotalSeconds, cpu.TotalMicroseconds / count, server.TotalMicroseconds / count);
        }
        finally
        {
            foreach (var child in children)
            {
                child.StandardInput.Close();
                if (!child.WaitForExit(20_000)) child.Kill();
                child.Dispose();
            }
        }
    }

    private static double Median(IEnumerable<double> values) => values.Order().ElementAt(Rounds / 2);

    private static TimeSpan CpuTime(List<Process> children)
    {
        foreach (var child in children) child.Refresh();
        return children.Aggregate(TimeSpan.Zero, (sum, child) => sum + child.TotalProcessorTime);
    }

    /// <summary>Until nothing is queued or running; all have been created by then.</summary>
    private static async Task WaitAsync(NpgsqlConnection database, CancellationToken cancellation)
    {
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (await database.ExecuteScalarAsync<bool>("SELECT EXISTS (SELECT 1 FROM tai_task_queue)"))
            await pause.WaitForNextTickAsync(cancellation);
    }

    private static Process Start(string connection, int share)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet")
            start.ArgumentList.Add(typeof(CoresBench).Assembly.Location);
        foreach (var argument in (string[])[ChildVerb, connection, $"{share}", $"{WarmUp}"])
            start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }
}
