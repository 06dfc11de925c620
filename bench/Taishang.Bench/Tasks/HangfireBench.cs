using System.Diagnostics;
using System.Globalization;

namespace Taishang.Bench.Tasks;

/// <summary>
/// Ours and Hangfire in turns on one server: no-op tasks, each durable by the server's default, created by many
/// callers, run and recorded as done by one process. Hangfire gets its best of several numbers of callers and
/// workers; more of them than these slow it down.
/// </summary>
internal static class HangfireBench
{
    private const int Rounds = 3;
    private static readonly (int Creators, int Workers)[] Settings = [(4, 10), (8, 10), (16, 20)];

    /// <param name="program">The dll of bench/Hangfire.Bench.</param>
    public static async Task RunAsync(
        BenchPostgres postgres, string program, int tasks, CancellationToken cancellation)
    {
        var connection = await postgres.CreateDatabaseAsync("ours");
        var theirs = Settings.ToDictionary(setting => setting, _ => new List<double>());
        var ours = new List<double>();
        for (var round = 0; round < Rounds; round++)
        {
            foreach (var setting in Settings)
            {
                var database = await postgres.CreateDatabaseAsync($"hangfire{round}_{setting.Creators}");
                // So few that it is measured for about as long.
                theirs[setting].Add(
                    await HangfireAsync(program, database, Math.Max(200, tasks / 20), setting, cancellation));
            }

            await using var host = await TaskBenchHost.StartAsync(connection);
            await host.RunAsync(500, cancellation);
            ours.Add(await host.RunAsync(tasks, cancellation));
        }

        var report = new Report(
            $"tasks postgresql beside Hangfire: {Rounds} rounds");
        foreach (var ((creators, workers), speeds) in theirs)
            report.Add($"Hangfire, {creators} creators, {workers} workers", Median(speeds), "tasks/s");
        report.Add($"ours, {TaskBenchHost.Creators} creators", Median(ours), "tasks/s");
        report.Add("ours over its best", Median(ours) / theirs.Values.Max(Median), "times");
        report.Print();
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private static async Task<double> HangfireAsync(
        string program, string connection, int jobs, (int Creators, int Workers) setting,
        CancellationToken cancellation)
    {
        var start = new ProcessStartInfo("dotnet") { UseShellExecute = false, RedirectStandardOutput = true };
        var arguments = (string[])
            [program, $"{connection};Command Timeout=300", $"{jobs}", $"{setting.Creators}", $"{setting.Workers}"];
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        var output = await process.StandardOutput.ReadToEndAsync(cancellation);
        await process.WaitForExitAsync(cancellation);
        var last = output.Trim().Split('\n')[^1];
        return double.Parse(last, CultureInfo.InvariantCulture);
    }
}
