namespace Taishang.Bench.Peers;

/// <summary>Reads curves of recall.</summary>
internal static class Sweep
{
    /// <summary>
    /// A figure at a recall, of points in order of width: between the two points around it straight in the figure's
    /// logarithm; the first point's where that already passes the recall; null where none reaches it.
    /// </summary>
    public static double? At(IReadOnlyList<SweepPoint> points, double recall, Func<SweepPoint, double> figure)
    {
        for (var i = 0; i < points.Count; i++)
        {
            if (points[i].Recall < recall)
                continue;
            if (i == 0)
                return figure(points[0]);

            var (low, high) = (points[i - 1], points[i]);
            var share = (recall - low.Recall) / (high.Recall - low.Recall);
            return Math.Exp(((1 - share) * Math.Log(figure(low))) + (share * Math.Log(figure(high))));
        }

        return null;
    }

    public static double? Median(IEnumerable<double?> values)
    {
        var known = values.OfType<double>().Order().ToArray();
        if (known.Length == 0)
            return null;

        var middle = known.Length / 2;
        return known.Length % 2 == 1 ? known[middle] : (known[middle - 1] + known[middle]) / 2;
    }
}
