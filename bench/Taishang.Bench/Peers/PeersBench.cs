namespace Taishang.Bench.Peers;

/// <summary>Ours beside hnswlib, Faiss and usearch, data set by data set.</summary>
internal static class PeersBench
{
    public static async Task RunAsync(PeersRequest request, CancellationToken cancellation)
    {
        var programs = PeerProgram.Present()
            .Where(program => request.Peers.Count == 0
                || request.Peers.Contains(program.Library)
                || request.Peers.Contains(program.Name)).ToArray();
        if (programs.All(program => program.IsOurs) && request.Peers.Count == 0)
            Console.WriteLine("\nNo peers are here, so ours is measured alone: bench/peers/run prepares them.");

        foreach (var name in request.DataSets)
        {
            Console.WriteLine($"\npeers {name}: {string.Join(", ", programs.Select(program => program.Name))}");
            var data = await PeerData.PrepareAsync(name, request.Queries, cancellation);
            var builds = new PeerBuilds(data, request);
            var built = await builds.RunAsync(programs, cancellation);
            if (request.BuildOnly)
                continue;

            var searches = new PeerSearches(data, request);
            var peers = await searches.RunAsync(programs, built, builds.IndexPath, cancellation);
            var result = new DataSetResult(
                name,
                Machine(),
                $"{TimeProvider.System.GetUtcNow():yyyy-MM-dd}",
                data.Rows,
                data.Dimensions,
                data.Truth.Length,
                request.Rounds)
            {
                ShareOfOthers = searches.ShareOfOthers,
                Peers = peers,
            };
            PeersReport.Print(result);
            if (request.KeepFolder is { } folder)
                KeptFigures.Keep(folder, result);
        }
    }

    private static string Machine()
    {
        const string Unknown = "an unknown processor";
        var model = OperatingSystem.IsLinux()
            ? File.ReadLines("/proc/cpuinfo")
                .FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))
            : null;
        var width = System.Runtime.Intrinsics.Vector512.IsHardwareAccelerated ? "AVX-512"
            : System.Runtime.Intrinsics.Vector256.IsHardwareAccelerated ? "AVX2"
            : "128-bit vectors";
        return $"{model?.Split(": ")[^1] ?? Unknown}, {Environment.ProcessorCount} cores, {width}";
    }
}
