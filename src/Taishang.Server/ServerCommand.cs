using System.CommandLine;
using Microsoft.Extensions.Configuration;

namespace Taishang.Server;

/// <summary>The command line: each switch is a name for one configuration key.</summary>
internal static class ServerCommand
{
    public static RootCommand Make()
    {
        var role = Switch("--role", "ROLE", "Part to play: all (default), core (REST, SQL, scheduler) or ai (worker).");
        role.AcceptOnlyFromAmong("all", "core", "ai");
        var set = new Option<string[]>("--set")
        {
            Description = "Any other configuration key, such as --set Taishang:Tasks:Parallelism=8. May be repeated.",
            HelpName = "KEY=VALUE",
            Arity = ArgumentArity.OneOrMore,
        };
        (Option<string?> Option, string Key)[] switches =
        [
            (role, "Taishang:Role"),
            (Switch("--http", "URL", $"Address of REST and the web page. Default {ServerOptions.HttpDefault}."),
                "Taishang:Http"),
            (Switch("--grpc", "URL", $"Address of ai's gRPC. Default {ServerOptions.GrpcDefault}."), "Taishang:Grpc"),
            (Switch("--data", "DIR", $"Folder of everything that lasts. Default {ServerOptions.DataDefault}."),
                "Taishang:Data"),
            (Switch("--database", "CONNECTION", "Default a SQLite file under the data folder; Host=… is PostgreSQL."),
                "Taishang:Database:Connection"),
            (Switch("--ai", "ADDRESS[,ADDRESS…]", "Workers of a core: http://host:port, dns:///host:port or "
                + "consul://host:port/service. Default the process itself, else " + ServerOptions.GrpcDefault + "."),
                "Taishang:Ai:Addresses"),
        ];

        var command = new RootCommand(
            "taishang (太上域): models, vector collections, tasks and pipelines behind one API.");
        foreach (var (option, _) in switches) command.Options.Add(option);
        command.Options.Add(set);
        command.SetAction((result, cancellation) =>
        {
            var values = new Dictionary<string, string?>();
            foreach (var pair in result.GetValue(set) ?? [])
            {
                var at = pair.IndexOf('=');
                if (at <= 0) return Refuse($"--set: expected KEY=VALUE, came '{pair}'");
                values[pair[..at]] = pair[(at + 1)..];
            }

            foreach (var (option, key) in switches)
                if (result.GetValue(option) is { } value) values[key] = value;
            return ServerRun.RunAsync(values, cancellation);
        });
        return command;
    }

    private static Option<string?> Switch(string name, string helpName, string description) =>
        new(name) { Description = description, HelpName = helpName };

    private static Task<int> Refuse(string message)
    {
        Console.Error.WriteLine(message);
        return Task.FromResult(ExitCode.Usage);
    }
}
