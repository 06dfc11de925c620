using System.CommandLine;
using Taishang.Testing.Processes;

namespace Taishang.Bench.Peers;

/// <summary>The switches of the comparison.</summary>
internal static class PeersCommand
{
    public static Command Peers()
    {
        var data = new Option<string>("--data")
        {
            Description = $"Data sets with commas, of {string.Join(", ", PeerData.Names)}.",
            DefaultValueFactory = _ => "fashion-l2,fashion-cosine,words-cosine",
        };
        var queries =
            new Option<int>("--queries") { Description = "Queries, to 10,000.", DefaultValueFactory = _ => 2_000 };
        var rounds = new Option<int>("--rounds") { Description = "Rounds.", DefaultValueFactory = _ => 5 };
        var seconds = new Option<double>("--seconds")
        {
            Description = "Length of one measurement, about.",
            DefaultValueFactory = _ => 0.4,
        };
        var builds = new Option<string>("--build-threads")
        {
            Description = "Threads of builds, with commas.",
            DefaultValueFactory = _ => "2",
        };
        var peers = new Option<string?>("--peers")
        {
            Description = "Of taishang, hnswlib, faiss and usearch; all by default.",
        };
        var reuse = new Option<bool>("--reuse") { Description = "Take indexes and build seconds of an earlier run." };
        var buildOnly = new Option<bool>("--build-only") { Description = "Build and save, for a run that reuses." };
        var keep = new Option<bool>("--keep") { Description = "Keep figures and plots in docs/benchmarks." };
        var quick = new Option<bool>("--quick") { Description = "Small and made up: shows that it runs." };
        var command = new Command("peers", "Ours beside hnswlib, Faiss and usearch; bench/peers/run prepares them.")
        {
            data, queries, rounds, seconds, builds, peers, reuse, buildOnly, keep, quick,
        };
        command.SetAction((result, cancellation) => PeersBench.RunAsync(
            result.GetValue(quick)
                ? PeersRequest.Quick
                : new PeersRequest(
                    result.GetValue(data)!.Split(','),
                    result.GetValue(queries),
                    result.GetValue(rounds),
                    result.GetValue(seconds),
                    [.. result.GetValue(builds)!.Split(',').Select(int.Parse)],
                    result.GetValue(peers)?.Split(',') ?? [],
                    result.GetValue(reuse),
                    result.GetValue(buildOnly),
                    result.GetValue(keep) ? Path.Combine(Repository.Root, "docs", "benchmarks") : null),
            cancellation));
        return command;
    }
}
