using System.Text.Json;
using System.Text.Json.Nodes;

namespace Taishang.Bench.Peers;

/// <summary>Writes a run's figures beside those of other data sets, and its plot.</summary>
internal static class KeptFigures
{
    private static readonly JsonSerializerOptions Indented = new(Json.Options) { WriteIndented = true };

    public static void Keep(string folder, DataSetResult result)
    {
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, "peers.json");
        var all = File.Exists(path) ? JsonNode.Parse(File.ReadAllText(path))!.AsObject() : [];
        all[result.Name] = JsonSerializer.SerializeToNode(result, Json.Options);
        File.WriteAllText(path, all.ToJsonString(Indented) + "\n");
        File.WriteAllText(Path.Combine(folder, $"{result.Name}.svg"), PeersPlot.Draw(result));
        File.WriteAllText(Path.Combine(folder, $"{result.Name}.txt"), PeersReport.Table(result));
    }
}
