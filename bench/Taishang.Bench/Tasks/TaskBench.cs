using System.CommandLine;
using Taishang.Testing.Processes;

namespace Taishang.Bench.Tasks;

/// <summary>
/// Tasks that do nothing, created, run and completed through the durable queue: what is measured is the queue. On a
/// SQLite file and on a PostgreSQL server of the benchmark's own, both with their durable defaults.
/// </summary>
internal static class TaskBench
{
    /// <summary>Throughput, the start of idle queues and claims beside a little history.</summary>
    public static Task RunAsync(BenchSize size, CancellationToken cancellation) =>
        RunAsync(size.Tasks, Math.Max(1_000, size.Tasks), null, cancellation);

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
        var command = new Command("tasks-full", "The task queue in full, beside Hangfire: run by bench/tasks.")
        {
            tasks, history, hangfire,
        };
        command.SetAction((result, cancellation) => RunAsync(
            result.GetValue(tasks), result.GetValue(history), result.GetValue(hangfire) ?? "", cancellation));
        return command;
    }

    /// <param name="hangfire">Null runs only what is quick; empty leaves Hangfire out.</param>
    private static async Task RunAsync(int tasks, int history, string? hangfire, CancellationToken cancellation)
    {
        using var folder = new TestFolder();
        await using var postgres = await BenchPostgres.StartAsync(folder.File("postgres"));
        if (hangfire is { Length: > 0 }) await HangfireBench.RunAsync(postgres, hangfire, tasks, cancellation);
        await ThroughputAsync("postgresql", await postgres.CreateDatabaseAsync("speed"), tasks, cancellation);
        await ThroughputAsync("sqlite", folder.File("speed.db"), tasks, cancellation);
        var starts = Math.Min(1_000, Math.Max(20, tasks / 10));
        var idle = await postgres.CreateDatabaseAsync("idle");
        await StartBench.RunAsync("postgresql", idle, starts, elsewhere: false, cancellation);
        await StartBench.RunAsync("postgresql", idle, starts, elsewhere: true, cancellation);
        await StartBench.RunAsync("sqlite", folder.File("idle.db"), starts, elsewhere: false, cancellation);
        if (hangfire is not null) await CoresBench.RunAsync(postgres, tasks, cancellation);
        if (history == 0) return;
        await HistoryBench.RunAsync(
            "postgresql", await postgres.CreateDatabaseAsync("history"), history, cancellation);
        await HistoryBench.RunAsync("sqlite", folder.File("history.db"), history, cancellation);
    }

    private static async Task ThroughputAsync(
        string name, string connection, int tasks, CancellationToken cancellation)
    {
        var report = new Report($"tasks {name}, {tasks} no-op tasks, {TaskBenchHost.Creators} creators");
        await using var host = await TaskBenchHost.StartAsync(connection);
        await host.RunAsync(Math.Min(tasks, 500), cancellation);
        var before = Environment.CpuUsage.TotalTime;
        report.Add("created, run, completed", await host.RunAsync(tasks, cancellation), "tasks/s");
        // What a busy machine does not change: this process alone, without the server.
        report.Add("CPU of the core", (Environment.CpuUsage.TotalTime - before).TotalMicroseconds / tasks, "us/task");
        report.Print();
    }
}
