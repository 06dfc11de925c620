using System.Diagnostics;
using System.Runtime.InteropServices;
using Taishang.VectorEngine;

namespace Taishang.Bench.Peers;

/// <summary>
/// Our engine as a peer among the others: the line protocol of <c>bench/peers/peer.hpp</c> over a durable collection,
/// through the engine's public door alone.
/// </summary>
internal sealed class OwnPeer(float[][] queries, VectorCollectionOptions options) : IAsyncDisposable
{
    private const int BatchRows = 1_000;
    private const int QueriesAtOnce = 16;
    private const int FirstWidth = 64;
    private VectorCollection? _collection;

    private VectorCollection Collection => _collection ?? throw new InvalidOperationException("nothing is loaded");

    public static async Task RunAsync(string[] arguments, CancellationToken cancellation)
    {
        if (arguments is not [var queryPath, var metric, var connectivity, var efConstruction, .. var rest])
            throw new ArgumentException("peer QUERIES METRIC M EF_CONSTRUCTION [VARIANT]");

        var queries = VectorFile.Read(queryPath);
        var options = new VectorCollectionOptions
        {
            Dimensions = queries[0].Length,
            Metric = metric == "l2" ? DistanceMetric.L2 : DistanceMetric.Cosine,
            Hnsw = new HnswOptions
            {
                Connectivity = int.Parse(connectivity),
                EfConstruction = int.Parse(efConstruction),
            },
        };
        if (rest is [PeerProgram.CodesAlone])
            options = options with { Compression = CompressionKind.Sq8, Rerank = RerankKind.None };
        await using var peer = new OwnPeer(queries, options);
        Console.WriteLine("ok ready");
        while (await Console.In.ReadLineAsync(cancellation) is { } line)
            Console.WriteLine($"ok {await peer.AnswerAsync(line.Split(' '), cancellation)}");
    }

    public async ValueTask DisposeAsync()
    {
        if (_collection is not null)
            await _collection.DisposeAsync();
        _collection = null;
    }

    private Task<string> AnswerAsync(string[] words, CancellationToken cancellation) => words switch
    {
        ["build", var basePath, var threads, var path] => BuildAsync(basePath, int.Parse(threads), path, cancellation),
        ["load", var path] => LoadAsync(path, cancellation),
        ["scan"] => Task.FromResult(ScanAll()),
        ["search", var width, var threads, var times, var path] => Task.FromResult(
            Search(int.Parse(width), int.Parse(threads), int.Parse(times), path)),
        _ => throw new ArgumentException($"no verb {string.Join(' ', words)}"),
    };

    /// <summary>Seconds and CPU seconds of the build, then the seconds with the durable writing of the rows before it.
    /// </summary>
    private async Task<string> BuildAsync(string basePath, int threads, string path, CancellationToken cancellation)
    {
        if (Directory.Exists(path))
            Directory.Delete(path, recursive: true);

        var rows = VectorFile.Read(basePath);
        var whole = Stopwatch.StartNew();
        await using var collection = await VectorCollection.CreateAsync(
            path, options, new VectorEngineOptions { BuildThreads = threads }, cancellation);
        foreach (var batch in rows.Select((vector, id) => new VectorRow(VectorId.FromInteger(id), vector))
            .Chunk(BatchRows))
            await collection.UpsertAsync(batch, cancellation);

        var cpu = Environment.CpuUsage.TotalTime;
        var watch = Stopwatch.StartNew();
        await collection.BuildIndexAsync(null, cancellation);
        var cpuSeconds = (Environment.CpuUsage.TotalTime - cpu).TotalSeconds;
        return $"{watch.Elapsed.TotalSeconds} {cpuSeconds} {whole.Elapsed.TotalSeconds}";
    }

    private async Task<string> LoadAsync(string path, CancellationToken cancellation)
    {
        await DisposeAsync();
        var watch = Stopwatch.StartNew();
        _collection = await VectorCollection.OpenAsync(path, new VectorEngineOptions(), cancellation);
        _collection.Search(Request(0, FirstWidth), cancellation);
        var seconds = watch.Elapsed.TotalSeconds;
        CollectGarbage();
        return $"{seconds}";
    }

    /// <summary>One exact search, which touches every row: all that is mapped is then in memory.</summary>
    private string ScanAll()
    {
        Collection.Search(Request(0, FirstWidth) with { Exact = true });
        return "";
    }

    private string Search(int width, int threads, int times, string path)
    {
        var ids = new int[queries.Length * PeersRequest.TopK];
        Array.Fill(ids, -1);
        var cpu = Environment.CpuUsage.TotalTime;
        var watch = Stopwatch.StartNew();
        for (var time = 0; time < times; time++)
            SearchAll(width, threads, ids);

        var seconds = watch.Elapsed.TotalSeconds;
        var cpuMicros = (Environment.CpuUsage.TotalTime - cpu).TotalMicroseconds / (times * queries.Length);
        if (path != "-")
            File.WriteAllBytes(path, MemoryMarshal.AsBytes<int>(ids).ToArray());
        return $"{seconds} {cpuMicros}";
    }

    private void SearchAll(int width, int threads, int[] ids)
    {
        var next = 0;
        void Work()
        {
            using var matches = new SearchMatches();
            var request = new SearchRequest(default, PeersRequest.TopK) { EfSearch = width };
            int start;
            while ((start = Interlocked.Add(ref next, QueriesAtOnce) - QueriesAtOnce) < queries.Length)
            {
                for (var query = start; query < Math.Min(queries.Length, start + QueriesAtOnce); query++)
                {
                    Collection.Search(queries[query], request, matches, CancellationToken.None);
                    for (var i = 0; i < matches.Count; i++)
                        ids[(query * PeersRequest.TopK) + i] = int.Parse(matches[i].IdUtf8);
                }
            }
        }

        var others = Enumerable.Range(1, threads - 1).Select(_ => new Thread(Work)).ToArray();
        foreach (var other in others)
            other.Start();
        Work();
        foreach (var other in others)
            other.Join();
    }

    /// <summary>What the collector has yet to take is no part of an index; usearch's process does the same.</summary>
    private static void CollectGarbage()
    {
#pragma warning disable RS0030 // A benchmark of memory measures what is used, not what waits for the collector.
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
#pragma warning restore RS0030
    }

    private SearchRequest Request(int query, int width) => new(queries[query], PeersRequest.TopK) { EfSearch = width };
}
