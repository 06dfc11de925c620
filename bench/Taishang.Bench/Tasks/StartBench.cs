using System.Collections.Concurrent;
using System.Diagnostics;
using Taishang.Core.Tasks;

namespace Taishang.Bench.Tasks;

/// <summary>
/// How soon a task starts when nothing else is to be done: from the call that creates it, its durable commit included,
/// to the executor's first line. One at a time.
/// </summary>
internal static class StartBench
{
    /// <param name="elsewhere">It runs in another core than the one that creates it.</param>
    public static async Task RunAsync(
        string name, string connection, int count, bool elsewhere, CancellationToken cancellation)
    {
        await using var host = await TaskBenchHost.StartAsync(connection);
        await using var creating = elsewhere ? await TaskBenchHost.StartAsync(connection, runs: false) : null;
        var started = new ConcurrentDictionary<string, TaskCompletionSource<long>>();
        host.Started = id => Of(id).TrySetResult(Stopwatch.GetTimestamp());
        var creator = (creating ?? host).Creator;
        var samples = new List<double>();
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        for (var i = 0; i < count + 20; i++)
        {
            var begin = Stopwatch.GetTimestamp();
            var task = await creator.CreateAsync(new NewTask(TaskBenchHost.Noop, "{}"), cancellation);
            var at = await Of(task.Id).Task.WaitAsync(TimeSpan.FromSeconds(30), cancellation);
            // The first ones pay for what is compiled and prepared.
            if (i >= 20) samples.Add(Stopwatch.GetElapsedTime(begin, at).TotalMilliseconds);
            // Until it is settled and the worker waits again.
            for (var wait = 0; wait < 4; wait++) await pause.WaitForNextTickAsync(cancellation);
        }

        var report = new Report(
            $"tasks {name}: from creation to start when idle{(elsewhere ? ", in another core" : "")}");
        double[] all = [.. samples];
        report.Add("p50", Report.Percentile(all, 0.5), "ms");
        report.Add("p99", Report.Percentile(all, 0.99), "ms");
        report.Add("max", all.Max(), "ms");
        report.Print();

        TaskCompletionSource<long> Of(string id) => started.GetOrAdd(
            id, _ => new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously));
    }
}
