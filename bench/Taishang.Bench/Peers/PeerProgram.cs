using System.Reflection;
using Taishang.Testing.Processes;

namespace Taishang.Bench.Peers;

/// <summary>How a peer is started. Each runs in a process of its own, so that its memory can be told.</summary>
/// <param name="Name">Unique; also the name of its saved index.</param>
/// <param name="Library">Peers of one library are settings of which the best counts.</param>
/// <param name="File">The executable.</param>
/// <param name="Arguments">What comes before the arguments of the protocol.</param>
/// <param name="Variant">The setting, in the peer's own words; empty for none.</param>
internal sealed record PeerProgram(
    string Name, string Library, string File, IReadOnlyList<string> Arguments, string Variant)
{
    public const string Ours = "taishang";

    /// <summary>Our variant that searches codes of eight bits and no floats.</summary>
    public const string CodesAlone = "sq8";

    public static string WorkFolder { get; } = Path.Combine(Repository.Root, "artifacts", "peers");

    public bool IsOurs => Library == Ours;

    /// <summary>The peers that <c>bench/peers/run</c> has prepared, ours first.</summary>
    public static IReadOnlyList<PeerProgram> Present()
    {
        var programs = new List<PeerProgram> { Own("") };
        AddCompiled(programs, "hnswlib", "");
        AddCompiled(programs, "faiss", "");
        programs.Add(Own(CodesAlone));
        var script = Path.Combine(Repository.Root, "bench", "peers", "usearch.js");
        if (Directory.Exists(Path.Combine(WorkFolder, "node_modules", "usearch")))
        {
            foreach (var variant in new[] { "f32", "f16", "bf16", "i8" })
                programs.Add(new($"usearch {variant}", "usearch", "node", ["--expose-gc", script], variant));
        }

        return programs;
    }

    private static PeerProgram Own(string variant)
    {
        var assembly = Assembly.GetExecutingAssembly().Location;
        var host = Environment.ProcessPath ?? "dotnet";
        string[] arguments = Path.GetFileNameWithoutExtension(host) == "dotnet" ? [assembly, "peer"] : ["peer"];
        return new PeerProgram(variant.Length == 0 ? Ours : $"{Ours} {variant}", Ours, host, arguments, variant);
    }

    private static void AddCompiled(List<PeerProgram> programs, string name, string variant)
    {
        var file = Path.Combine(WorkFolder, "bin", name);
        if (System.IO.File.Exists(file))
            programs.Add(new(name, name, file, [], variant));
    }
}
