using System.Text;
using System.Text.Json;

namespace Taishang.Bench.Peers;

/// <summary>A table for people and one JSON line for programs.</summary>
internal static class PeersReport
{
    public static void Print(DataSetResult result)
    {
        Console.WriteLine(Table(result));
        Console.WriteLine(JsonSerializer.Serialize(
            new { Bench = $"peers {result.Name}", Figures = result }, Json.Options));
    }

    public static string Table(DataSetResult result)
    {
        var text = new StringBuilder();
        text.AppendLine($"{result.Name}: {result.Rows:N0} x {result.Dimensions}, {result.Queries:N0} queries, "
            + $"recall@{PeersRequest.TopK}, M {PeersRequest.Connectivity}, "
            + $"ef_construction {PeersRequest.EfConstruction}, {result.Rounds} rounds");
        text.AppendLine($"{result.Machine}, {result.Measured}; other processes took {result.ShareOfOthers:P0} of it")
            .AppendLine();
        Speeds(text, result);
        Builds(text, result);
        Memories(text, result);
        if (result.Name != PeerData.MadeUp)
            Reached(text, result);
        return text.ToString();
    }

    private static void Speeds(StringBuilder text, DataSetResult result)
    {
        foreach (var threads in PeersRequest.SearchThreads)
        {
            text.AppendLine($"{"searches, " + Threads(threads),-24}{"recall",7}{"queries/s",11}{"CPU us",9}"
                + $"{"ours over",11}{"by CPU",8}");
            foreach (var recall in PeersRequest.Recalls)
            {
                foreach (var peer in result.Peers)
                {
                    var at = peer.At.First(at => at.Threads == threads && at.Recall == recall);
                    text.AppendLine(at.QueriesPerSecond is null
                        ? $"  {peer.Name,-22}{recall,7:0.00}{"not reached",13}"
                        : $"  {peer.Name,-22}{recall,7:0.00}{at.QueriesPerSecond,11:N0}{at.CpuMicros,9:0.0}"
                        + $"{at.OursOverIt,11:0.00}{at.ItsCpuOverOurs,8:0.00}");
                }
            }
        }

        text.AppendLine();
    }

    private static void Builds(StringBuilder text, DataSetResult result)
    {
        text.AppendLine($"{"builds",-24}{"threads",8}{"s",9}{"CPU s",9}{"with rows s",13}");
        foreach (var peer in result.Peers)
        {
            foreach (var build in peer.Builds)
                text.AppendLine($"  {peer.Name,-22}{build.Threads,8}{build.Seconds,9:0.0}{build.CpuSeconds,9:0.0}"
                    + $"{build.WithRowsSeconds,13:0.0}{(build.IsReused ? "  (earlier run)" : "")}");
        }

        text.AppendLine();
    }

    private static void Memories(StringBuilder text, DataSetResult result)
    {
        text.AppendLine($"{"MB beyond empty process",-24}{"loaded",8}{"searched",10}{"touched",9}{"anonymous",11}"
            + $"{"mapped",8}{"PSS",7}{"fixed",7}{"first answer s",16}");
        foreach (var peer in result.Peers)
        {
            var memory = peer.Memory;
            text.AppendLine($"  {peer.Name,-22}{memory.Loaded.Resident,8:0}{memory.Searched.Resident,10:0}"
                + $"{memory.Touched.Resident,9:0}{memory.Touched.Anonymous,11:0}{memory.Touched.Mapped,8:0}"
                + $"{memory.Touched.Proportional,7:0}{memory.Fixed.Resident,7:0}{peer.FirstAnswerSeconds,16:0.00}");
        }

        text.AppendLine();
    }

    private static void Reached(StringBuilder text, DataSetResult result)
    {
        text.AppendLine($"{"reached?",-50}{"seen",8}{"by CPU",8}{"reach",8}");
        foreach (var goal in PeersGoals.Of(result))
        {
            var seen = $"{Number(goal.Seen),8}{Number(goal.SeenByCpu),8}";
            var word = goal.IsReached ? "yes" : "NO";
            text.AppendLine($"  {goal.What,-48}{seen}{goal.Sign + goal.Reach,8}  {word}");
        }
    }

    private static string Number(double? value) => value is { } known ? $"{known:0.00}" : "-";

    private static string Threads(int count) => count == 1 ? "1 thread" : $"{count} threads";
}
