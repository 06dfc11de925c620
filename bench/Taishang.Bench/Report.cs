using System.Text.Json;

namespace Taishang.Bench;

/// <summary>A table for people and one JSON line for programs.</summary>
internal sealed class Report(string name)
{
    private readonly List<(string What, double Value, string Unit)> _figures = [];

    public void Add(string what, double value, string unit) => _figures.Add((what, value, unit));

    public void Print()
    {
        Console.WriteLine($"\n{name}");
        var width = _figures.Max(figure => figure.What.Length);
        foreach (var (what, value, unit) in _figures)
            Console.WriteLine($"  {what.PadRight(width)}  {Number(value),12} {unit}");
        var line = new Dictionary<string, object> { ["bench"] = name };
        foreach (var (what, value, unit) in _figures)
            line[$"{what} ({unit})"] = double.IsFinite(value) ? Math.Round(value, 4) : -1;
        Console.WriteLine(JsonSerializer.Serialize(line));
    }

    /// <summary>The value below which the given share of the samples lies; sorts the samples.</summary>
    public static double Percentile(double[] samples, double share)
    {
        if (samples.Length == 0) return double.NaN;
        Array.Sort(samples);
        return samples[Math.Min(samples.Length - 1, (int)(share * samples.Length))];
    }

    private static string Number(double value) => Math.Abs(value) >= 100 ? $"{value:N0}" : $"{value:0.####}";
}
