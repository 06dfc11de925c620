using System.CommandLine;
using Taishang.Testing.Processes;

namespace Taishang.Bench.Tasks;

/// <summary>
/// Tasks that do nothing, created, run and completed through the durable queue: what is measured is the queue. On a
/// SQLite file and on a PostgreSQL server of the benchmark's own, both with their durable defaults.
/// </summary>
internal static class TaskBench
{
    private static readonly string[] Quick = ["postgresql", "sqlite", "start", "history"];
    private static readonly string[] Full = ["hangfire", "postgresql", "sqlite", "start", "cores", "history"];

    /// <summary>Throughput, the start of idle queues and claims beside a little history.</summary>
    public static Task RunAsync(BenchSize size, CancellationToken cancellation) =>
        RunAsync(size.Tasks, Math.Max(1_000, size.Tasks), "", Quick, cancellation);

    /// <summary>The same with long history, several processes and a peer.</summary>
    public static Command FullCommand()
    {
        var tasks = new Option<int>("--tasks") { Description = "Tasks to run.", DefaultValueFactory = _ => 20_000 };
        var history = new Option<int>("--history")
        {
            Description = "Ended tasks beside claims.",
            DefaultValueFactory = _ => 5_000_000,
        };
        var hangfire = new Option<string?>("--hangfire") { Description = "The dll of bench/Hangfire.Bench." };
        var only = new Option<string?>("--only") { Description = $"Parts, by commas, of {string.Join(", ", Full)}." };
        var command = new Command("tasks-full", "The task queue in full, beside Hangfire: run by bench/tasks.")
        {
            tasks, history, hangfire, only,
        };
        command.SetAction((result, cancellation) => RunAsync(
            result.GetValue(tasks), result.GetValue(history), result.GetValue(hangfire) ?? "",
            result.GetValue(only)?.Split(',') ?? Full, cancellation));
        return command;
    }

    /// <param name="hangfire">Empty leaves Hangfire out.</param>
    private static async Task RunAsync(
        int tasks, int history, string hangfire, string[] parts, CancellationToken cancellation)
    {
        using var folder = new TestFolder();
        await using var postgres = await BenchPostgres.StartAsync(folder.File("postgres"));
        if (parts.Contains("hangfire") && hangfire.Length > 0)
            await HangfireBench.RunAsync(postgres, hangfire, tasks, cancellation);
        if (parts.Contains("postgresql"))
            await ThroughputAsync("postgresql", "speed", postgres, tasks, cancellation);
        if (parts.Contains("sqlite"))
            await ThroughputAsync("sqlite", folder.File("speed.db"), null, tasks, cancellation);
        if (parts.Contains("start"))
        {
            var starts = Math.Min(1_000, Math.Max(20, tasks / 10));
            var idle = await postgres.CreateDatabaseAsync("idle");
            await StartBench.RunAsync("postgresql", idle, starts, elsewhere: false, cancellation);
            await StartBench.RunAsync("postgresql", idle, starts, elsewhere: true, cancellation);
            await StartBench.RunAsync("sqlite", folder.File("idle.db"), starts, elsewhere: false, cancellation);
        }

        if (parts.Contains("cores")) await CoresBench.RunAsync(postgres, tasks, cancellation);
        if (!parts.Contains("history") || history == 0) return;
        await HistoryBench.RunAsync(
            "postgresql", await postgres.CreateDatabaseAsync("few"), await postgres.CreateDatabaseAsync("many"),
            history, cancellation);
        await HistoryBench.RunAsync(
            "sqlite", folder.File("short.db"), folder.File("long.db"), history, cancellation);
    }

    /// <param name="database">Of the server, or a file.</param>
    private static async Task ThroughputAsync(
        string name, string database, BenchPostgres? postgres, int tasks, CancellationToken cancellation)
    {
        var report = new Report($"tasks {name}, {tasks} no-op tasks, {TaskBenchHost.Creators} creators");
        var connection = postgres is null ? database : await postgres.CreateDatabaseAsync(database);
        await using var host = await TaskBenchHost.StartAsync(connection);
        // A server runs for weeks: what is compiled in the first seconds is not the queue's.
        await host.RunAsync(Math.Min(tasks, 10_000), cancellation);
        var before = Environment.CpuUsage.TotalTime;
        var serverBefore = postgres?.CpuTime() ?? default;
        var logBefore = postgres is null ? 0 : await postgres.LogBytesAsync();
        report.Add("created, run, completed", await host.RunAsync(tasks, cancellation), "tasks/s");
        // What a busy machine changes little.
        report.Add("CPU of the core", (Environment.CpuUsage.TotalTime - before).TotalMicroseconds / tasks, "us/task");
        if (postgres is not null)
        {
            var server = postgres.CpuTime() - serverBefore;
            report.Add("CPU of the server", server.TotalMicroseconds / tasks, "us/task");
            var log = await postgres.LogBytesAsync() - logBefore;
            report.Add("log of the server", log / (double)tasks, "bytes/task");
            foreach (var (verb, size) in await BenchPostgres.BatchesAsync(connection))
                report.Add($"in one transaction of {verb}", size, "tasks");
        }

        report.Print();
    }
}
