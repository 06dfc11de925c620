using System.Globalization;

namespace Taishang.Bench.Peers;

/// <summary>What the engine means to reach beside its peers, and whether a run shows it.</summary>
internal sealed record PeersGoal(string What, double? Seen, double Limit, bool IsAtLeast)
{
    public bool IsReached => Seen is { } seen && (IsAtLeast ? seen >= Limit : seen <= Limit);

    public string Sign => IsAtLeast ? ">= " : "<= ";

    public string Reach => Limit.ToString(CultureInfo.InvariantCulture);
}

internal static class PeersGoals
{
    private const double SpeedOverPeer = 2;
    private const double TwoThreadsOverOne = 1.8;
    private const double BuildOverHnswlib = 0.7;
    private const double MemoryOverHnswlib = 1.05;
    private const string Yardstick = "hnswlib";

    public static IReadOnlyList<PeersGoal> Of(DataSetResult result)
    {
        var ours = result.Peers[0];
        var goals = new List<PeersGoal>();
        foreach (var recall in PeersRequest.Recalls)
        {
            foreach (var library in result.Peers.Skip(1).GroupBy(peer => peer.Library))
            {
                var ratios = library.Select(peer => At(peer, 1, recall).OursOverIt).OfType<double>().ToArray();
                var what = $"queries/s at {recall} over {library.Key}, 1 thread";
                if (ratios.Length > 0)
                    goals.Add(new(what, ratios.Min(), SpeedOverPeer, IsAtLeast: true));
            }

            var scaling = At(ours, 2, recall).QueriesPerSecond / At(ours, 1, recall).QueriesPerSecond;
            goals.Add(new($"two threads over one at {recall}", scaling, TwoThreadsOverOne, IsAtLeast: true));
        }

        if (result.Peers.FirstOrDefault(peer => peer.Name == Yardstick) is { } hnswlib)
            AddBuildAndMemory(goals, ours, hnswlib);
        return goals;
    }

    private static void AddBuildAndMemory(List<PeersGoal> goals, PeerResult ours, PeerResult hnswlib)
    {
        foreach (var build in ours.Builds)
        {
            if (hnswlib.Builds.FirstOrDefault(other => other.Threads == build.Threads) is not { } other)
                continue;

            var what = $"build seconds over hnswlib's, {build.Threads} threads";
            goals.Add(new(what, build.Seconds / other.Seconds, BuildOverHnswlib, IsAtLeast: false));
        }

        var memory = ours.Memory.Touched.Resident / hnswlib.Memory.Touched.Resident;
        goals.Add(new("resident memory over hnswlib's, all touched", memory, MemoryOverHnswlib, IsAtLeast: false));
    }

    private static RecallResult At(PeerResult peer, int threads, double recall) =>
        peer.At.First(at => at.Threads == threads && at.Recall == recall);
}
