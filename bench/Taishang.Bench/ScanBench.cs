using System.Diagnostics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Taishang.Testing.Processes;
using Taishang.VectorEngine;
using Taishang.VectorEngine.Filtering;

namespace Taishang.Bench;

/// <summary>
/// Exact search of a FLAT collection against a plain streaming sum over the very same floats: how much of the memory's
/// bandwidth a scan reaches. Both are measured in turns, and ratios are taken within a turn.
/// </summary>
internal static class ScanBench
{
    private const int Dims = 768;
    private const int PartRows = 10_000;
    private const int Turns = 15;

    /// <summary>Turns before those that count: code that is called once a search is compiled anew, for good, only after
    /// some tens of calls.</summary>
    private const int WarmUpTurns = 60;

    private const int Seed = 1;

    public static async Task RunAsync(BenchSize size, CancellationToken cancellation)
    {
        using var folder = new TestFolder();
        var options = new VectorCollectionOptions
        {
            Dimensions = Dims,
            Metric = DistanceMetric.L2,
            Index = IndexKind.Flat,
        };
        await using var collection = await VectorCollection.CreateAsync(
            folder.File("scan"), options, new VectorEngineOptions { SyncBeforeAcknowledge = false }, cancellation);
        foreach (var part in Enumerable.Range(0, size.Rows).Chunk(PartRows))
            await collection.UpsertAsync(Rows(part), cancellation);

        var report = new Report($"scan {size.Rows} x {Dims} l2, flat");
        foreach (var threads in new[] { 1, 2 })
            Measure(report, collection, size.Rows, threads);
        report.Print();
    }

    private static VectorRow[] Rows(int[] part)
    {
        var random = new Random(Seed + part[0]);
        var metadata = System.Text.Encoding.UTF8.GetBytes($"{{\"part\":{part[0] / PartRows}}}");
        return [.. part.Select(id => new VectorRow(VectorId.FromInteger(id), Vector(random), metadata))];
    }

    private static float[] Vector(Random random)
    {
        var vector = new float[Dims];
        for (var i = 0; i < Dims; i++)
            vector[i] = random.NextSingle() - 0.5f;
        return vector;
    }

    private static void Measure(Report report, VectorCollection collection, int rows, int threads)
    {
        var query = Vector(new Random(Seed));
        var request = new SearchRequest(query, 10) { Exact = true };
        var bytes = (double)rows * Dims * sizeof(float);
        var answers = Enumerable.Range(0, threads).Select(_ => new SearchMatches()).ToArray();
        var sums = new float[threads];
        var scans = new double[Turns];
        var streams = new double[Turns];
        var ratios = new double[Turns];
        var cpuRatios = new double[Turns];
        var perCpuSecond = (Stream: new double[Turns], Scan: new double[Turns]);
        using var held = new HeldRows(collection, rows, query);
        for (var turn = -WarmUpTurns; turn < Turns; turn++)
        {
            // Every thread reads the whole array, as it does when searches run side by side.
            var stream = Time(threads, thread => sums[thread] += held.Sum());
            var scan = Time(threads, thread => collection.Search(query, request, answers[thread], default));
            if (turn < 0)
                continue;

            streams[turn] = threads * bytes / stream.Seconds / 1e9;
            scans[turn] = threads * bytes / scan.Seconds / 1e9;
            ratios[turn] = stream.Seconds / scan.Seconds;
            cpuRatios[turn] = stream.CpuSeconds / scan.CpuSeconds;
            perCpuSecond.Stream[turn] = threads * bytes / stream.CpuSeconds / 1e9;
            perCpuSecond.Scan[turn] = threads * bytes / scan.CpuSeconds / 1e9;
        }

        foreach (var answer in answers)
            answer.Dispose();
        var name = threads == 1 ? "1 thread" : $"{threads} threads";
        report.Add($"{name}: streaming sum, median", Report.Percentile(streams, 0.5), "GB/s");
        report.Add($"{name}: exact search, median", Report.Percentile(scans, 0.5), "GB/s");
        report.Add($"{name}: share of the sum's", Report.Percentile(ratios, 0.5), "(0.8 or more is meant)");
        report.Add($"{name}: sum by CPU time", Report.Percentile(perCpuSecond.Stream, 0.5), "GB/s");
        report.Add($"{name}: search by CPU time", Report.Percentile(perCpuSecond.Scan, 0.5), "GB/s");
        report.Add($"{name}: the same by CPU time", Report.Percentile(cpuRatios, 0.5), "");
        report.Add($"{name}: the same, best turn of each", scans.Max() / streams.Max(), "");
    }

    private static (double Seconds, double CpuSeconds) Time(int threads, Action<int> work)
    {
        var others = Enumerable.Range(1, threads - 1).Select(thread => new Thread(() => work(thread))).ToArray();
        var cpu = Environment.CpuUsage.TotalTime;
        var watch = Stopwatch.StartNew();
        foreach (var other in others)
            other.Start();
        work(0);
        foreach (var other in others)
            other.Join();
        return (watch.Elapsed.TotalSeconds, (Environment.CpuUsage.TotalTime - cpu).TotalSeconds);
    }

    /// <summary>The engine's own floats, found through answers that show rows where they lie.</summary>
    private sealed unsafe class HeldRows : IDisposable
    {
        private readonly List<SearchMatches> _parts = [];
        private readonly List<(nint Address, int Floats)> _runs = [];

        public HeldRows(VectorCollection collection, int rows, float[] query)
        {
            var addresses = new List<nint>(rows);
            for (var part = 0; part * PartRows < rows; part++)
            {
                var matches = new SearchMatches();
                var filter = MetadataFilter.Parse(System.Text.Encoding.UTF8.GetBytes($"{{\"part\":{part}}}"));
                var request = new SearchRequest(query, PartRows) { Exact = true, Filter = filter };
                collection.Search(query, request, matches, default);
                for (var i = 0; i < matches.Count; i++)
                    addresses.Add((nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(matches[i].Vector)));
                _parts.Add(matches);
            }

            addresses.Sort();
            foreach (var address in addresses)
            {
                if (_runs is [.., var (start, floats)] && start + (floats * sizeof(float)) == address)
                    _runs[^1] = (start, floats + Dims);
                else
                    _runs.Add((address, Dims));
            }
        }

        /// <summary>Inside the bounds: the rows stay where they are as long as the answers are held.</summary>
        public float Sum()
        {
            var sum = 0f;
            foreach (var (address, floats) in _runs)
                sum += TensorPrimitives.Sum(new ReadOnlySpan<float>((void*)address, floats));
            return sum;
        }

        public void Dispose()
        {
            foreach (var part in _parts)
                part.Dispose();
        }
    }
}
