using System.Text.Json;

namespace Taishang.Bench.Peers;

/// <summary>Builds every peer's index, one after another, each in a process of its own, and saves it.</summary>
internal sealed class PeerBuilds(PeerData data, PeersRequest request)
{
    private readonly string _folder = Path.Combine(PeerProgram.WorkFolder, "index", data.Name);

    public string IndexPath(PeerProgram program) => Path.Combine(_folder, program.Name.Replace(' ', '-'));

    /// <summary>The builds of each peer, in the order of the peers.</summary>
    public async Task<IReadOnlyList<IReadOnlyList<BuildResult>>> RunAsync(
        IReadOnlyList<PeerProgram> programs, CancellationToken cancellation)
    {
        Directory.CreateDirectory(_folder);
        var results = programs.Select(program => Earlier(program) ?? []).ToArray();
        var isReused = results.Select(builds => builds.Count > 0).ToArray();
        foreach (var threads in request.BuildThreads)
        {
            for (var i = 0; i < programs.Count; i++)
            {
                if (isReused[i] || !IsBuiltWith(programs[i], threads))
                    continue;

                var built = await BuildAsync(programs[i], threads, cancellation);
                results[i].Add(built);
                Console.WriteLine($"  built {programs[i].Name}, {threads} threads: {built.Seconds:0.0} s, "
                    + $"{built.CpuSeconds:0.0} s of CPU");
                var record = JsonSerializer.Serialize(results[i]);
                await File.WriteAllTextAsync(RecordPath(programs[i]), record, cancellation);
            }
        }

        return results;
    }

    /// <summary>The settings of usearch are four; they are built once, with the most threads.</summary>
    private bool IsBuiltWith(PeerProgram program, int threads) =>
        program.Library != "usearch" || threads == request.BuildThreads.Max();

    private async Task<BuildResult> BuildAsync(PeerProgram program, int threads, CancellationToken cancellation)
    {
        await using var peer = await PeerProcess.StartAsync(program, data, cancellation);
        var path = IndexPath(program);
        var line = $"build {data.BasePath} {threads}";
        if (program.IsOurs)
        {
            var own = await peer.AskAsync($"{line} {path}", cancellation);
            return new(threads, double.Parse(own[0]), double.Parse(own[1]), double.Parse(own[2]), IsReused: false);
        }

        var words = await peer.AskAsync(line, cancellation);
        await peer.AskAsync($"save {path}", cancellation);
        return new(threads, double.Parse(words[0]), double.Parse(words[1]), null, IsReused: false);
    }

    private List<BuildResult>? Earlier(PeerProgram program)
    {
        if (!request.Reuse || !File.Exists(RecordPath(program)) || !Path.Exists(IndexPath(program)))
            return null;

        var builds = JsonSerializer.Deserialize<List<BuildResult>>(File.ReadAllText(RecordPath(program)));
        return builds?.ConvertAll(build => build with { IsReused = true });
    }

    private string RecordPath(PeerProgram program) => $"{IndexPath(program)}.builds.json";
}
