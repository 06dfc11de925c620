using System.CommandLine;
using Taishang.Bench;
using Taishang.Bench.Onnx;
using Taishang.Bench.Peers;
using Taishang.Bench.Tasks;

// Each benchmark prints a table and one JSON line. `smoke` runs all of them small, to show that they still work.
var rows = new Option<int>("--rows") { Description = "Rows of data.", DefaultValueFactory = _ => 60_000 };
var tasks = new Option<int>("--tasks") { Description = "Tasks to run.", DefaultValueFactory = _ => 10_000 };
var seconds =
    new Option<int>("--seconds") { Description = "Length of each measurement.", DefaultValueFactory = _ => 5 };

var command = new RootCommand("Benchmarks of taishang.");
Add("rest", "Fashion-MNIST through REST: load, build, search.", (size, cancel) => RestBench.RunAsync(size, cancel));
Add("embed", "The built-in embedder, sentences a second.", (size, _) => EmbedBench.RunAsync(size));
Add("onnx", "A transformer of provider onnx beside a bare loop of its runtime.",
    (size, cancel) => OnnxBench.RunAsync(size, cancel));
Add("tasks", "No-op tasks through the durable queue.", (size, cancel) => TaskBench.RunAsync(size, cancel));
Add("engine", "The vector engine alone.", (size, cancel) => EngineBench.RunAsync(size, cancel));
Add("kinds", "Every kind of index and compression on one set of rows.",
    (size, cancel) => KindsBench.RunAsync(size, cancel));
Add("open", "How soon a collection answers after a start.", (size, cancel) => OpenBench.RunAsync(size, cancel));
Add("scan", "Exact search against the memory's bandwidth.", (size, cancel) => ScanBench.RunAsync(size, cancel));
Add("write", "Durable upserts against the disk.", (size, cancel) => WriteBench.RunAsync(size, cancel));
Add("recovery", "From kill -9 to the first answer.", (size, cancel) => RecoveryBench.RunAsync(size, cancel));
Add("allocation", "Bytes allocated by a search.", (_, cancel) => AllocationBench.RunAsync(cancel));
Add("routing", "Which target a call goes to, by strategy and targets.", (size, _) => RoutingBench.RunAsync(size));
Add("gateway", "What stands between REST and a model.", (size, cancel) => GatewayBench.RunAsync(size, cancel));
Add("filters", "Filtered search, by how many rows match and where.", FilterBench.RunAsync);

var smoke = new Command("smoke", "All of them, small.");
smoke.SetAction(async (_, cancellation) =>
{
    var size = BenchSize.Smoke;
    await EngineBench.RunAsync(size, cancellation);
    await KindsBench.RunAsync(size, cancellation);
    await OpenBench.RunAsync(size, cancellation);
    await ScanBench.RunAsync(size, cancellation);
    await WriteBench.RunAsync(size, cancellation);
    await RecoveryBench.RunAsync(size, cancellation);
    await AllocationBench.RunAsync(cancellation);
    await FilterBench.RunAsync(size, cancellation);
    await PeersBench.RunAsync(PeersRequest.Quick, cancellation);
    await EmbedBench.RunAsync(size);
    await RoutingBench.RunAsync(size);
    await GatewayBench.RunAsync(size, cancellation);
    await OnnxBench.RunAsync(size, cancellation);
    await TaskBench.RunAsync(size, cancellation);
    await RestBench.RunAsync(size, cancellation);
});
command.Subcommands.Add(smoke);
command.Subcommands.Add(PeersCommand.Peers());
command.Subcommands.Add(TaskBench.FullCommand());
command.Subcommands.Add(Hidden("peer", OwnPeer.RunAsync));
command.Subcommands.Add(Hidden(CoresBench.ChildVerb, CoresBench.ChildAsync));
command.Subcommands.Add(Hidden("recovery-child", RecoveryChild.RunAsync));
return await command.Parse(args).InvokeAsync();

void Add(string name, string description, Func<BenchSize, CancellationToken, Task> run)
{
    var sub = new Command(name, description) { rows, tasks, seconds };
    sub.SetAction((result, cancellation) => run(
        new BenchSize(result.GetValue(rows), result.GetValue(tasks), result.GetValue(seconds)), cancellation));
    command.Subcommands.Add(sub);
}

// Processes that benchmarks start themselves.
static Command Hidden(string name, Func<string[], CancellationToken, Task> run)
{
    var arguments = new Argument<string[]>("arguments") { Arity = ArgumentArity.OneOrMore };
    var hidden = new Command(name) { arguments };
    hidden.Hidden = true;
    hidden.SetAction((result, cancellation) => run(result.GetValue(arguments) ?? [], cancellation));
    return hidden;
}
