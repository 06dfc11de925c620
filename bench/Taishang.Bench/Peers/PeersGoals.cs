using System.Globalization;

namespace Taishang.Bench.Peers;

/// <summary>What the engine means to reach beside its peers, and whether a run shows it.</summary>
/// <param name="What">The figure, a ratio.</param>
/// <param name="Seen">By the clock; null where the run does not tell.</param>
/// <param name="SeenByCpu">The same by the processes' CPU time, which a busy machine disturbs less.</param>
/// <param name="Limit">What is to be reached.</param>
/// <param name="IsAtLeast">Whether more is better.</param>
internal sealed record PeersGoal(string What, double? Seen, double? SeenByCpu, double Limit, bool IsAtLeast)
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
    private const double CodesOverHnswlib = 0.35;
    private const string Yardstick = "hnswlib";

    public static IReadOnlyList<PeersGoal> Of(DataSetResult result)
    {
        var ours = result.Peers[0];
        var others = result.Peers.Where(peer => peer.Library != PeerProgram.Ours).ToArray();
        var goals = new List<PeersGoal>();
        foreach (var recall in PeersRequest.Recalls)
        {
            foreach (var library in others.GroupBy(peer => peer.Library))
            {
                var peers = library.Select(peer => At(peer, 1, recall)).ToArray();
                if (peers.All(at => at.QueriesPerSecond is null))
                    continue;

                var seen = peers.Min(at => at.OursOverIt);
                var byCpu = peers.Min(at => at.ItsCpuOverOurs);
                var what = $"queries/s at {recall} over {library.Key}, 1 thread";
                goals.Add(new(what, seen, byCpu, SpeedOverPeer, IsAtLeast: true));
            }

            var (one, two) = (At(ours, 1, recall), At(ours, 2, recall));
            goals.Add(new(
                $"two threads over one at {recall}",
                two.QueriesPerSecond / one.QueriesPerSecond,
                2 * one.CpuMicros / two.CpuMicros,
                TwoThreadsOverOne,
                IsAtLeast: true));
        }

        if (result.Peers.FirstOrDefault(peer => peer.Name == Yardstick) is { } hnswlib)
        {
            AddBuildAndMemory(goals, ours, hnswlib);
            if (result.Peers.FirstOrDefault(IsCodesAlone) is { } codes)
            {
                var memory = codes.Memory.Index / hnswlib.Memory.Index;
                goals.Add(new(
                    "resident memory of sq8 alone over hnswlib's", memory, null, CodesOverHnswlib, IsAtLeast: false));
            }
        }

        return goals;
    }

    private static void AddBuildAndMemory(List<PeersGoal> goals, PeerResult ours, PeerResult hnswlib)
    {
        foreach (var build in ours.Builds)
        {
            if (hnswlib.Builds.FirstOrDefault(other => other.Threads == build.Threads) is not { } other)
                continue;

            var what = $"build seconds over hnswlib's, {build.Threads} threads";
            var byCpu = build.CpuSeconds / other.CpuSeconds;
            goals.Add(new(what, build.Seconds / other.Seconds, byCpu, BuildOverHnswlib, IsAtLeast: false));
        }

        var memory = ours.Memory.Index / hnswlib.Memory.Index;
        goals.Add(new(
            "resident memory of the index over hnswlib's", memory, null, MemoryOverHnswlib, IsAtLeast: false));
    }

    private static bool IsCodesAlone(PeerResult peer) =>
        peer.Library == PeerProgram.Ours && peer.Name.EndsWith(PeerProgram.CodesAlone, StringComparison.Ordinal);

    private static RecallResult At(PeerResult peer, int threads, double recall) =>
        peer.At.First(at => at.Threads == threads && at.Recall == recall);
}
