using System.Diagnostics;
using System.Reflection;
using Taishang.Testing.Processes;

namespace Taishang.Bench;

/// <summary>
/// A process that writes is killed without warning (SIGKILL) while it writes on behind a built index; a new one has to
/// answer soon, and to have every row whose writing was acknowledged.
/// </summary>
internal static class RecoveryBench
{
    /// <summary>Batches acknowledged after the build before the kill.</summary>
    private const int BatchesAfterBuild = 7;

    public static async Task RunAsync(BenchSize size, CancellationToken cancellation)
    {
        using var folder = new TestFolder();
        var path = folder.File("collection");
        var written = await WriteAndKillAsync(path, size.Rows, cancellation);
        var report = new Report($"recovery {size.Rows} x {RecoveryChild.Dims} cosine, hnsw, killed while it wrote on");
        report.Add("rows acknowledged", written, "rows");
        foreach (var start in new[] { "first start", "second start" })
        {
            var watch = Stopwatch.StartNew();
            using var reader = Start("read", path, $"{written}");
            var ready = await AnswerAsync(reader, cancellation);
            var seconds = watch.Elapsed.TotalSeconds;
            if (start == "first start")
                report.Add("rows after the kill", double.Parse(ready[1]), "rows");
            report.Add($"{start}: opened", double.Parse(ready[0]), "s");
            report.Add($"{start}: process start to first answer", seconds, "s (5 or less is meant)");
            var checkedRows = await AnswerAsync(reader, cancellation);
            if (int.Parse(checkedRows[0]) != 0)
                throw new InvalidOperationException($"{checkedRows[0]} acknowledged rows are gone or changed");

            report.Add($"{start}: row found by itself", bool.Parse(checkedRows[1]) ? 1 : 0, "(1: yes)");
            await reader.WaitForExitAsync(cancellation);
        }

        report.Add("acknowledged rows gone or changed", 0, "rows");
        report.Print();
    }

    /// <summary>Returns how many rows were acknowledged before the kill.</summary>
    private static async Task<int> WriteAndKillAsync(string path, int rows, CancellationToken cancellation)
    {
        using var writer = Start("write", path, $"{rows}");
        var written = 0;
        for (var after = 0; after < BatchesAfterBuild;)
        {
            var words = await AnswerAsync(writer, cancellation);
            written = int.Parse(words[0]);
            after += written > rows ? 1 : 0;
        }

        writer.Kill();
        await writer.WaitForExitAsync(cancellation);
        return written;
    }

    private static Process Start(params string[] arguments)
    {
        var host = Environment.ProcessPath ?? "dotnet";
        var start = new ProcessStartInfo(host) { UseShellExecute = false, RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(host) == "dotnet")
            start.ArgumentList.Add(Assembly.GetExecutingAssembly().Location);
        start.ArgumentList.Add("recovery-child");
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        return Process.Start(start) ?? throw new InvalidOperationException($"cannot start {host}");
    }

    private static async Task<string[]> AnswerAsync(Process process, CancellationToken cancellation)
    {
        var line = await process.StandardOutput.ReadLineAsync(cancellation);
        return line?.Split(' ') ?? throw new InvalidOperationException("the child ended");
    }
}
