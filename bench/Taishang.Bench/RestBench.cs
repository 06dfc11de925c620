using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Taishang.Testing.Processes;

namespace Taishang.Bench;

/// <summary>
/// The way of a user: the real executable in a process of its own, vectors in through REST in batches, an index built
/// as a task, then searches over 1, 8 and 32 connections.
/// </summary>
internal static class RestBench
{
    private const int BatchRows = 1_000;
    private const int TopK = 10;
    private const string Collection = "bench";

    public static async Task RunAsync(BenchSize size, CancellationToken cancellation)
    {
        var data = FashionMnist.Load(size.Rows, size.Queries);
        var exact = data.ExactNearest(TopK);
        var report = new Report($"rest {data.Name} {data.Rows.Length} x {FashionMnist.Dims} l2");
        using var folder = new TestFolder();
        await using var server = await ServerProcess.StartReadyAsync(folder.Path);
        var address = new Uri(server.HttpAddress!);

        var created = await server.PostAsync("/api/taishang/vector_collections", new
        {
            name = Collection,
            dims = FashionMnist.Dims,
            index_type = "HNSW",
            metric_type = "l2",
        });
        Load(address, data, report);
        await BuildAsync(server, (string)created["data"]!["id"]!, report);

        var requests = data.Queries.Select(SearchRequest).ToArray();
        report.Add("recall@10", Recall(address, requests, exact), "share");
        foreach (var connections in new[] { 1, 8, 32 })
        {
            Search(address, requests, connections, TimeSpan.FromSeconds(1), null);
            Search(address, requests, connections, TimeSpan.FromSeconds(size.Seconds), report);
        }

        await OverheadAsync(server, address, requests, report, cancellation);
        report.Add("resident", ResidentMegabytes(server.Pid), "MB");
        report.Print();
    }

    private static void Load(Uri address, FashionMnist data, Report report)
    {
        using var connection = new RawHttp(address);
        var batches =
            data.Rows.Select((vector, id) => (Id: id, Vector: vector)).Chunk(BatchRows).Select(batch => RawHttp.Post(
            "/api/taishang/vectors/upsert",
            JsonSerializer.SerializeToUtf8Bytes(new
            {
                collection = Collection,
                vectors = batch.Select(row => new { id = row.Id, vector = row.Vector }),
            }))).ToArray();
        var watch = Stopwatch.StartNew();
        foreach (var batch in batches) connection.Send(batch);
        report.Add("rows in", data.Rows.Length / watch.Elapsed.TotalSeconds, "rows/s");
    }

    private static async Task BuildAsync(ServerProcess server, string id, Report report)
    {
        var watch = Stopwatch.StartNew();
        var build = await server.PostAsync($"/api/taishang/vector_collections/{id}/build", new { });
        var path = $"/api/taishang/tasks/{build["data"]!["task_id"]}";
        await server.WaitUntilAsync("built", TimeSpan.FromMinutes(10), async () =>
        {
            var status = (string)(await server.GetAsync(path))["data"]!["status"]!;
            if (status is "failed" or "cancelled") throw new InvalidOperationException($"the build {status}");
            return status == "completed";
        });
        report.Add("build", watch.Elapsed.TotalSeconds, "s");
    }

    private static byte[] SearchRequest(float[] query) => RawHttp.Post(
        "/api/taishang/vectors/search",
        JsonSerializer.SerializeToUtf8Bytes(new { collection = Collection, vector = query, top_k = TopK }));

    private static double Recall(Uri address, byte[][] requests, int[][] exact)
    {
        using var connection = new RawHttp(address);
        var found = 0;
        for (var q = 0; q < requests.Length; q++)
        {
            var results = JsonNode.Parse(RawHttp.Body(connection.Send(requests[q])))!["data"]!["results"]!.AsArray();
            found += results.Count(result => exact[q].Contains((int)result!["id"]!));
        }

        return found / (double)(requests.Length * TopK);
    }

    private static void Search(Uri address, byte[][] requests, int connections, TimeSpan length, Report? report)
    {
        var samples = new List<double>[connections];
        var watch = Stopwatch.StartNew();
        var threads = Enumerable.Range(0, connections).Select(number => new Thread(() =>
        {
            using var connection = new RawHttp(address);
            var mine = samples[number] = [];
            for (var q = number; watch.Elapsed < length; q++)
            {
                var start = Stopwatch.GetTimestamp();
                connection.Send(requests[q % requests.Length]);
                mine.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }
        })).ToArray();
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
        var elapsed = watch.Elapsed.TotalSeconds;
        var all = samples.SelectMany(list => list).ToArray();
        report?.Add($"{connections} connections", all.Length / elapsed, "queries/s");
        report?.Add($"{connections} connections p50", Report.Percentile(all, 0.5), "ms");
        report?.Add($"{connections} connections p99", Report.Percentile(all, 0.99), "ms");
    }

    /// <summary>What REST, gRPC and JSON add: the whole time of a call less the engine's own, which the answer tells in
    /// its Server-Timing header.</summary>
    private static async Task OverheadAsync(
        ServerProcess server, Uri address, byte[][] requests, Report report, CancellationToken cancellation)
    {
        using var connection = new RawHttp(address);
        var added = new double[requests.Length];
        var engine = new double[requests.Length];
        for (var q = 0; q < requests.Length; q++)
        {
            cancellation.ThrowIfCancellationRequested();
            var start = Stopwatch.GetTimestamp();
            var answer = connection.Send(requests[q]);
            var whole = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            engine[q] = EngineMilliseconds(answer);
            added[q] = whole - engine[q];
        }

        report.Add("engine p50", Report.Percentile(engine, 0.5), "ms");
        report.Add("added by REST and gRPC p50", Report.Percentile(added, 0.5), "ms");
        await server.WaitReadyAsync();
    }

    private static double EngineMilliseconds(ReadOnlySpan<byte> answer)
    {
        var mark = "engine;dur="u8;
        var at = answer.IndexOf(mark);
        if (at < 0) return double.NaN;
        var rest = answer[(at + mark.Length)..];
        return double.Parse(rest[..rest.IndexOfAny((byte)'\r', (byte)',')]);
    }

    private static double ResidentMegabytes(int pid)
    {
        var line =
            File.ReadLines($"/proc/{pid}/status").First(text => text.StartsWith("VmRSS:", StringComparison.Ordinal));
        return double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]) / 1024;
    }
}
