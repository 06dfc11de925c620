using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Taishang.Testing.Processes;

namespace Taishang.Bench;

/// <summary>
/// What stands between a client and a model, over the real executable: core, gRPC and ai with the model's own time
/// taken out, embeddings from the cache, and how soon a fallback answers for a target that is dead.
/// </summary>
internal static class GatewayBench
{
    private const int Connections = 8;

    /// <summary>Calls a second of the paced run: what a busy team sends, far from what the machine can do.</summary>
    private const int Pace = 1_000;

    /// <summary>Times the length of a part: how long it is warmed at most.</summary>
    private const int WarmUpFactorMax = 4;
    private const int BatchTexts = 64;
    private const string Model = "builtin/taishang-embed";
    private const string Embeddings = "/v1/embeddings";

    public static async Task RunAsync(BenchSize size, CancellationToken cancellation)
    {
        var report = new Report($"gateway, {Connections} connections");
        using var folder = new TestFolder();
        // All calls are one caller's, and more than one may make by default; the limit is kept all the same.
        await using var server = await ServerProcess.StartReadyAsync(
            folder.Path, "--set", "Taishang:Api:RateLimits:v1:TokensPerSecond=1000000", "--set",
            "Taishang:Api:RateLimits:v1:Burst=1000000");
        var address = new Uri(server.HttpAddress!);
        await server.PostAsync("/api/taishang/routes", new
        {
            name = "bare",
            targets = new[] { new { model = Model } },
            cache = new { vectors = false },
        });
        // A server runs for weeks, and what it compiles for good meanwhile is done when calls get no faster.
        var (best, since) = (0, 0);
        for (var second = 0; second < size.Seconds * WarmUpFactorMax && since < size.Seconds; second++)
        {
            var calls = Overheads(address, TimeSpan.FromSeconds(1), 0, null, "");
            (best, since) = calls > best ? (calls, 0) : (best, since + 1);
        }

        var length = TimeSpan.FromSeconds(size.Seconds);
        var before = CpuMs(server.Pid);
        var made = Overheads(address, length, 0, report, "overhead, closed loop");
        report.Add("server's CPU time of a call, the model's included", (CpuMs(server.Pid) - before) / made, "ms");
        Overheads(address, length, Pace, report, $"overhead at {Pace} calls/s");
        await BudgetAsync(server, length, report);
        Cached(address, length, report, "cached, one text", 1, "float");
        Cached(address, length, report, "cached, one text base64", 1, "base64");
        Cached(address, length, report, $"cached, batches of {BatchTexts} base64", BatchTexts, "base64");
        await FallbackBench.RunAsync(server, report, cancellation);
        report.Print();
    }

    /// <summary>The same calls when budgets cover each of them, and then are gone again.</summary>
    private static async Task BudgetAsync(ServerProcess server, TimeSpan length, Report report)
    {
        var address = new Uri(server.HttpAddress!);
        await server.PostAsync("/api/taishang/budgets", new
        {
            name = "calls",
            unit = "calls",
            period = "month",
            limit = 1_000_000_000,
        });
        await server.PostAsync("/api/taishang/budgets", new
        {
            name = "tokens",
            model = Model,
            unit = "tokens",
            period = "day",
            limit = 1_000_000_000,
        });
        var before = CpuMs(server.Pid);
        var made = Overheads(address, length, 0, report, "overhead with two budgets, closed loop");
        report.Add("server's CPU time of such a call, the model's included", (CpuMs(server.Pid) - before) / made, "ms");
        Overheads(address, length, Pace, report, $"overhead with two budgets at {Pace} calls/s");
        foreach (var name in (string[])["calls", "tokens"])
            using (await server.Http.DeleteAsync($"/api/taishang/budgets/{name}")) { }
    }

    /// <summary>Of all threads of the server, which other processes on the machine do not touch.</summary>
    private static double CpuMs(int pid)
    {
        using var process = Process.GetProcessById(pid);
        return process.TotalProcessorTime.TotalMilliseconds;
    }

    /// <summary>How many calls it made.</summary>
    private static int Overheads(Uri address, TimeSpan length, int pace, Report? report, string what)
    {
        var samples = Run(address, length, pace, static (connection, thread, turn) =>
        {
            // Another text each time, so that nothing knows it.
            var request = RawHttp.Post(
                Embeddings, Body("bare", [$"{thread} {turn} a sentence of some words 一句话"], "base64"));
            var start = Stopwatch.GetTimestamp();
            var answer = connection.Send(request);
            return Stopwatch.GetElapsedTime(start).TotalMilliseconds - ModelMs(answer);
        });
        if (report is null) return samples.Length;
        report.Add($"{what} p50", Report.Percentile(samples, 0.5), "ms");
        report.Add($"{what} p99", Report.Percentile(samples, 0.99), "ms");
        report.Add($"{what} calls", samples.Length / length.TotalSeconds, "calls/s");
        return samples.Length;
    }

    private static void Cached(Uri address, TimeSpan length, Report report, string what, int texts, string format)
    {
        var requests = Enumerable.Range(0, 100).Select(i => RawHttp.Post(
            Embeddings,
            Body(Model, [.. Enumerable.Range(0, texts).Select(text => $"text {(i * texts) + text}")], format)))
            .ToArray();
        using (var first = new RawHttp(address))
        {
            foreach (var request in requests) first.Send(request);
        }

        var samples = Run(address, length, 0, (connection, thread, turn) =>
        {
            var start = Stopwatch.GetTimestamp();
            connection.Send(requests[(thread + turn) % requests.Length]);
            return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        });
        report.Add(what, samples.Length * texts / length.TotalSeconds, "embeddings/s");
        report.Add($"{what} p99", Report.Percentile(samples, 0.99), "ms");
    }

    /// <param name="pace">Calls a second of all connections together; 0 for as many as go.</param>
    private static double[] Run(Uri address, TimeSpan length, int pace, Func<RawHttp, int, int, double> call)
    {
        var samples = new List<double>[Connections];
        var watch = Stopwatch.StartNew();
        var threads = Enumerable.Range(0, Connections).Select(number => new Thread(() =>
        {
            using var connection = new RawHttp(address);
            var mine = samples[number] = [];
            for (var turn = 0; watch.Elapsed < length; turn++)
            {
                if (pace > 0) Wait(watch, TimeSpan.FromSeconds(((turn * Connections) + number) / (double)pace));
                mine.Add(call(connection, number, turn));
            }
        })).ToArray();
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
        return [.. samples.SelectMany(list => list)];
    }

    private static void Wait(Stopwatch watch, TimeSpan until)
    {
        var left = until - watch.Elapsed;
        if (left <= TimeSpan.Zero) return;
        using var never = new ManualResetEventSlim();
        never.Wait(left);
    }

    private static byte[] Body(string model, string[] input, string format) =>
        JsonSerializer.SerializeToUtf8Bytes(new { model, input, encoding_format = format });

    /// <summary>Of the header Server-Timing; 0 where the worker does not say.</summary>
    private static double ModelMs(ReadOnlySpan<byte> answer)
    {
        var at = answer.IndexOf("model;dur="u8);
        if (at < 0) return 0;
        var rest = answer[(at + 10)..];
        return double.Parse(
            Encoding.ASCII.GetString(rest[..rest.IndexOf((byte)'\r')]), CultureInfo.InvariantCulture);
    }
}
