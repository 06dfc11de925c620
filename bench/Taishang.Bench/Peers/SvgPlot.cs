using System.Security;
using System.Text;

namespace Taishang.Bench.Peers;

/// <summary>A curve: x from 0.9 to 1, y on a logarithmic axis.</summary>
internal sealed record SvgCurve(
    string Name, string Colour, bool IsThick, IReadOnlyList<(double X, double Y)> Points);

/// <summary>Draws panels of curves side by side as SVG: plain text, so that a change of figures can be compared.
/// </summary>
internal sealed class SvgPlot(string title, string subtitle)
{
    private const double PanelWidth = 430;
    private const double PanelHeight = 360;
    private const double Left = 75;
    private const double Top = 95;
    private const double Gap = 75;
    private const double LegendHeight = 80;
    private const double Bottom = 55;
    private const double XMin = 0.9;
    private const double XMax = 1;
    private const double XStep = 0.02;
    private const int LegendColumns = 4;
    private const string Ink = "#1f2937";
    private const string Grid = "#e5e7eb";
    private static readonly double[] TickDigits = [1, 2, 5];

    private readonly List<(string Name, IReadOnlyList<SvgCurve> Curves)> _panels = [];

    public void AddPanel(string name, IReadOnlyList<SvgCurve> curves) => _panels.Add((name, curves));

    public string Finish(string xLabel, string yLabel)
    {
        var width = Left + (_panels.Count * (PanelWidth + Gap));
        var height = Top + PanelHeight + Bottom + LegendHeight;
        var svg = new StringBuilder();
        svg.AppendLine($"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" "
            + $"width=\"{width}\" height=\"{height}\" font-family=\"Helvetica, Arial, sans-serif\">");
        svg.AppendLine($"<rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>");
        Text(svg, Left, 32, 19, "start", title, "bold");
        Text(svg, Left, 54, 13, "start", subtitle);
        var (yMin, yMax) = Range();
        for (var i = 0; i < _panels.Count; i++)
            Panel(svg, _panels[i], Left + (i * (PanelWidth + Gap)), (yMin, yMax), (xLabel, yLabel));
        Legend(svg, Top + PanelHeight + Bottom + 12);
        return svg.AppendLine("</svg>").ToString();
    }

    /// <summary>The same for all panels, out to the next 1, 2 or 5 of a power of ten.</summary>
    private (double Min, double Max) Range()
    {
        var values = _panels.SelectMany(panel => panel.Curves).SelectMany(curve => curve.Points)
            .Select(point => point.Y).DefaultIfEmpty(1).ToArray();
        return (Ticks().Last(tick => tick <= values.Min()), Ticks().First(tick => tick >= values.Max()));
    }

    private static IEnumerable<double> Ticks() =>
        Enumerable.Range(0, 9)
            .SelectMany(power => TickDigits.Select(digit => digit * Math.Pow(10, power)));

    private static void Panel(
        StringBuilder svg,
        (string Name, IReadOnlyList<SvgCurve> Curves) panel,
        double left,
        (double Min, double Max) y,
        (string X, string Y) labels)
    {
        double AtX(double value) => left + ((value - XMin) / (XMax - XMin) * PanelWidth);
        double AtY(double value) => Top + (PanelHeight * Math.Log(y.Max / value) / Math.Log(y.Max / y.Min));
        Text(svg, left + (PanelWidth / 2), Top - 12, 15, "middle", panel.Name, "bold");
        foreach (var tick in Ticks().Where(tick => tick >= y.Min && tick <= y.Max))
        {
            Line(svg, (left, AtY(tick)), (left + PanelWidth, AtY(tick)), Grid);
            Text(svg, left - 8, AtY(tick) + 4, 12, "end", $"{tick:N0}");
        }

        for (var x = XMin; x < XMax + (XStep / 2); x += XStep)
        {
            Line(svg, (AtX(x), Top), (AtX(x), Top + PanelHeight), Grid);
            Text(svg, AtX(x), Top + PanelHeight + 18, 12, "middle", $"{x:0.00}");
        }

        Line(svg, (AtX(0.99), Top), (AtX(0.99), Top + PanelHeight), "#9ca3af");
        Text(svg, AtX(0.99), Top + PanelHeight + 18, 12, "middle", "0.99");
        Text(svg, left + (PanelWidth / 2), Top + PanelHeight + 40, 13, "middle", labels.X);
        Text(svg, left - 8, Top - 12, 13, "end", labels.Y);
        svg.AppendLine($"<rect x=\"{left:0.#}\" y=\"{Top}\" width=\"{PanelWidth}\" height=\"{PanelHeight}\" "
            + $"fill=\"none\" stroke=\"{Ink}\"/>");
        foreach (var curve in panel.Curves.Where(curve => curve.Points.Count > 0).Reverse())
            Curve(svg, curve, [.. curve.Points.Select(point => (AtX(point.X), AtY(point.Y)))]);
    }

    private static void Curve(StringBuilder svg, SvgCurve curve, IReadOnlyList<(double X, double Y)> points)
    {
        var path = string.Join(' ', points.Select(point => $"{point.X:0.0},{point.Y:0.0}"));
        svg.AppendLine($"<polyline points=\"{path}\" fill=\"none\" stroke=\"{curve.Colour}\" "
            + $"stroke-width=\"{(curve.IsThick ? 3.5 : 1.8)}\" stroke-linejoin=\"round\"/>");
        foreach (var (x, y) in points)
            svg.AppendLine($"<circle cx=\"{x:0.0}\" cy=\"{y:0.0}\" r=\"{(curve.IsThick ? 4 : 3)}\" "
                + $"fill=\"{curve.Colour}\"/>");
    }

    private void Legend(StringBuilder svg, double top)
    {
        var curves = _panels[0].Curves;
        for (var i = 0; i < curves.Count; i++)
        {
            var x = Left + (i % LegendColumns * 225);
            var y = top + (i / LegendColumns * 26) + 10;
            svg.AppendLine($"<line x1=\"{x}\" y1=\"{y}\" x2=\"{x + 34}\" y2=\"{y}\" stroke=\"{curves[i].Colour}\" "
                + $"stroke-width=\"{(curves[i].IsThick ? 3.5 : 1.8)}\"/>");
            svg.AppendLine($"<circle cx=\"{x + 17}\" cy=\"{y}\" r=\"4\" fill=\"{curves[i].Colour}\"/>");
            Text(svg, x + 42, y + 4, 14, "start", curves[i].Name);
        }
    }

    private static void Line(StringBuilder svg, (double X, double Y) from, (double X, double Y) to, string colour) =>
        svg.AppendLine($"<line x1=\"{from.X:0.0}\" y1=\"{from.Y:0.0}\" x2=\"{to.X:0.0}\" y2=\"{to.Y:0.0}\" "
            + $"stroke=\"{colour}\"/>");

    private static void Text(
        StringBuilder svg, double x, double y, int size, string anchor, string text, string weight = "normal") =>
        svg.AppendLine($"<text x=\"{x:0.0}\" y=\"{y:0.0}\" font-size=\"{size}\" text-anchor=\"{anchor}\" "
            + $"font-weight=\"{weight}\" fill=\"{Ink}\">{SecurityElement.Escape(text)}</text>");
}
