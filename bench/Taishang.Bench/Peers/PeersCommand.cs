using System.CommandLine;
using Taishang.Testing.Processes;

namespace Taishang.Bench.Peers;

/// <summary>The switches of the comparison, and the verb by which it starts our own side.</summary>
internal static class PeersCommand
{
    public static IEnumerable<Command> Create() => [Driver(), Peer()];

    private static Command Driver()
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
        var reuse = new Option<bool>("--reuse") { Description = "Take the peers' indexes of an earlier run." };
        var keep = new Option<bool>("--keep") { Description = "Keep figures and plots in docs/benchmarks." };
        var quick = new Option<bool>("--quick") { Description = "Small and made up: shows that it runs." };
        var command = new Command("peers", "Ours beside hnswlib, Faiss and usearch; bench/peers/run prepares them.")
        {
            data, queries, rounds, seconds, builds, reuse, keep, quick,
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
                    result.GetValue(reuse),
                    result.GetValue(keep) ? Path.Combine(Repository.Root, "docs", "benchmarks") : null),
            cancellation));
        return command;
    }

    private static Command Peer()
    {
        var arguments = new Argument<string[]>("arguments") { Arity = ArgumentArity.OneOrMore };
        var command = new Command("peer", "Our engine as one of the peers; started by peers.") { arguments };
        command.Hidden = true;
        command.SetAction((result, cancellation) => OwnPeer.RunAsync(result.GetValue(arguments)!, cancellation));
        return command;
    }
}
