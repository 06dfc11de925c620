using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Taishang.Bench.Peers;

/// <summary>
/// Measures the peers' searches in turns: within a round every peer runs one width before any runs the next, so that
/// what else the machine does meets all of them. Ratios are taken within a round, medians over the rounds.
/// </summary>
internal sealed class PeerSearches(PeerData data, PeersRequest request)
{
    /// <summary>Curves begin and end about here.</summary>
    private const double RecallMin = 0.85;

    private const double RecallMax = 0.992;

    /// <summary>What the next width must bring: a peer whose rounding bounds its recall gains nothing by going on.
    /// </summary>
    private const double RecallGainMin = 0.0005;

    /// <summary>Times that all queries are run over a few rows: enough for code to be compiled for good.</summary>
    private const int FixedTimes = 5;

    private readonly string _answerPath = Path.Combine(data.Folder, "found.ids");
    private readonly List<Measured> _peers = [];
    private readonly List<ProcessMemory> _fixed = [];

    /// <summary>How much of the machine others took while searches were measured.</summary>
    public double ShareOfOthers { get; private set; }

    public async Task<IReadOnlyList<PeerResult>> RunAsync(
        IReadOnlyList<PeerProgram> programs,
        IReadOnlyList<IReadOnlyList<BuildResult>> builds,
        Func<PeerProgram, string> indexPath,
        CancellationToken cancellation)
    {
        try
        {
            foreach (var program in programs)
                _fixed.Add(await FixedAsync(program, cancellation));
            foreach (var program in programs)
                _peers.Add(await LoadAsync(program, indexPath(program), cancellation));
            foreach (var peer in _peers)
                await WarmUpAsync(peer, cancellation);
            var load = new MachineLoad();
            var ownBefore = OwnCpuSeconds();
            for (var round = 0; round < request.Rounds; round++)
            {
                foreach (var threads in PeersRequest.SearchThreads)
                    await RunRoundAsync(round, threads, cancellation);
            }

            ShareOfOthers = load.ShareOfOthers(OwnCpuSeconds() - ownBefore);
            foreach (var peer in _peers.Where(peer => peer.Process.Program.IsOurs))
            {
                await peer.Process.AskAsync("scan", cancellation);
                peer.Touched = peer.Process.Memory();
            }

            return [.. _peers.Select((peer, i) => Result(peer, _fixed[i], builds[i]))];
        }
        finally
        {
            foreach (var peer in _peers)
                await peer.Process.DisposeAsync();
        }
    }

    private double OwnCpuSeconds() =>
        Environment.CpuUsage.TotalTime.TotalSeconds + _peers.Sum(peer => peer.Process.CpuSeconds());

    /// <summary>Memory of a process of its own that runs the queries over an index of a few rows, beyond what it had
    /// before.</summary>
    private async Task<ProcessMemory> FixedAsync(PeerProgram program, CancellationToken cancellation)
    {
        await using var process = await PeerProcess.StartAsync(program, data, cancellation);
        var empty = process.Memory();
        var path = Path.Combine(data.Folder, "few.index");
        await process.AskAsync($"build {data.FewPath} 1 {path}", cancellation);
        if (!program.IsOurs)
            await process.AskAsync($"save {path}", cancellation);
        await process.AskAsync($"load {path}", cancellation);
        foreach (var threads in PeersRequest.SearchThreads)
            await process.AskAsync($"search {PeersRequest.Widths[0]} {threads} {FixedTimes} -", cancellation);
        var memory = process.Memory().Less(empty);
        if (Directory.Exists(path))
            Directory.Delete(path, recursive: true);
        else
            File.Delete(path);
        return memory;
    }

    private async Task<Measured> LoadAsync(PeerProgram program, string indexPath, CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        var process = await PeerProcess.StartAsync(program, data, cancellation);
        var starting = watch.Elapsed;
        var empty = process.Memory();
        watch.Restart();
        await process.AskAsync($"load {indexPath}", cancellation);
        return new Measured(process)
        {
            Empty = empty,
            FirstAnswerSeconds = (starting + watch.Elapsed).TotalSeconds,
            Loaded = process.Memory(),
        };
    }

    /// <summary>Runs every width once, which also tells its recall and which widths are worth measuring.</summary>
    private async Task WarmUpAsync(Measured peer, CancellationToken cancellation)
    {
        var last = 0.0;
        foreach (var width in PeersRequest.Widths)
        {
            var words = await peer.Process.AskAsync($"search {width} 1 1 {_answerPath}", cancellation);
            var recall = data.Recall(MemoryMarshal.Cast<byte, int>(await File.ReadAllBytesAsync(
                _answerPath, cancellation)));
            var times = Math.Max(1, (int)Math.Round(request.Seconds / double.Parse(words[0])));
            if (recall < RecallMin || peer.Widths is [{ Recall: < RecallMin }])
                peer.Widths.Clear();
            peer.Widths.Add((width, recall, times));
            if (recall > RecallMax || recall < last + RecallGainMin)
                break;
            last = recall;
        }

        peer.Searched = peer.Touched = peer.Process.Memory();
    }

    private async Task RunRoundAsync(int round, int threads, CancellationToken cancellation)
    {
        for (var i = 0; i < _peers.Max(peer => peer.Widths.Count); i++)
        {
            for (var turn = 0; turn < _peers.Count; turn++)
            {
                var peer = _peers[(turn + round + i) % _peers.Count];
                if (i >= peer.Widths.Count)
                    continue;

                var (width, recall, times) = peer.Widths[i];
                times *= threads;
                var words = await peer.Process.AskAsync($"search {width} {threads} {times} -", cancellation);
                var perSecond = times * data.Truth.Length / double.Parse(words[0]);
                peer.Points.Add((round, new SweepPoint(threads, width, recall, perSecond, double.Parse(words[1]))));
            }
        }
    }

    private PeerResult Result(Measured peer, ProcessMemory itsFixed, IReadOnlyList<BuildResult> builds)
    {
        var program = peer.Process.Program;
        var points = peer.Points.Select(point => point.Point)
            .GroupBy(point => (point.Threads, point.Width))
            .Select(group => group.First() with
            {
                QueriesPerSecond = Sweep.Median(group.Select(point => (double?)point.QueriesPerSecond)) ?? 0,
                CpuMicros = Sweep.Median(group.Select(point => (double?)point.CpuMicros)) ?? 0,
            });
        return new PeerResult(program.Name, program.Library)
        {
            Builds = builds,
            FirstAnswerSeconds = peer.FirstAnswerSeconds,
            Memory = new MemoryResult(
                peer.Loaded.Less(peer.Empty),
                peer.Searched.Less(peer.Empty),
                peer.Touched.Less(peer.Empty),
                itsFixed,
                peer.Empty),
            Points = [.. points],
            At =
            [
                .. PeersRequest.SearchThreads.SelectMany(
                    threads => PeersRequest.Recalls.Select(recall => AtRecall(peer, threads, recall))),
            ],
        };
    }

    private RecallResult AtRecall(Measured peer, int threads, double recall)
    {
        var rounds = Enumerable.Range(0, request.Rounds).ToArray();
        double?[] Of(Measured one, Func<SweepPoint, double> figure) =>
            [.. rounds.Select(round => Sweep.At(one.Of(round, threads), recall, figure))];
        var speed = Of(peer, point => point.QueriesPerSecond);
        var cpu = Of(peer, point => point.CpuMicros);
        var ourSpeed = Of(_peers[0], point => point.QueriesPerSecond);
        var ourCpu = Of(_peers[0], point => point.CpuMicros);
        return new RecallResult(
            threads,
            recall,
            Sweep.Median(speed),
            Sweep.Median(cpu),
            Sweep.Median(rounds.Select(round => ourSpeed[round] / speed[round])),
            Sweep.Median(rounds.Select(round => cpu[round] / ourCpu[round])));
    }

    private sealed class Measured(PeerProcess process)
    {
        public PeerProcess Process { get; } = process;

        public required ProcessMemory Empty { get; init; }

        public required ProcessMemory Loaded { get; init; }

        public required double FirstAnswerSeconds { get; init; }

        public ProcessMemory Searched { get; set; }

        public ProcessMemory Touched { get; set; }

        public List<(int Width, double Recall, int Times)> Widths { get; } = [];

        public List<(int Round, SweepPoint Point)> Points { get; } = [];

        public List<SweepPoint> Of(int round, int threads) =>
        [
            .. Points.Where(point => point.Round == round && point.Point.Threads == threads)
                .Select(point => point.Point),
        ];
    }
}
