namespace Taishang.Bench.Peers;

/// <summary>Recall against queries a second: one panel for one thread, one for two.</summary>
internal static class PeersPlot
{
    private const double RecallMin = 0.9;

    /// <summary>One colour a curve, told apart also by those who see few colours; ours first and thicker.</summary>
    private static readonly string[] Colours =
        ["#c2410c", "#1d4ed8", "#15803d", "#7c3aed", "#a16207", "#0e7490", "#be185d", "#475569"];

    public static string Draw(DataSetResult result)
    {
        var title = $"{result.Name}: {result.Rows:N0} x {result.Dimensions}, M {PeersRequest.Connectivity}, "
            + $"ef_construction {PeersRequest.EfConstruction}";
        var plot = new SvgPlot(title, $"{result.Machine}, {result.Measured}; medians of {result.Rounds} rounds");
        foreach (var threads in PeersRequest.SearchThreads)
        {
            var curves = result.Peers.Select((peer, i) => new SvgCurve(
                peer.Name,
                Colours[i % Colours.Length],
                i == 0,
                [
                    .. peer.Points.Where(point => point.Threads == threads && point.Recall >= RecallMin)
                        .OrderBy(point => point.Recall)
                        .Select(point => (point.Recall, point.QueriesPerSecond)),
                ]));
            plot.AddPanel(threads == 1 ? "1 thread" : $"{threads} threads", [.. curves]);
        }

        return plot.Finish("recall@10", "queries/s");
    }
}
