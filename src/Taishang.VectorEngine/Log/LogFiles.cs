using System.Globalization;

namespace Taishang.VectorEngine.Log;

/// <summary>Names of log files: <c>log-</c> and the number, in an order that sorts.</summary>
internal static class LogFiles
{
    private const string Prefix = "log-";

    public static string Path(string folder, long number) =>
        System.IO.Path.Combine(folder, Prefix + number.ToString("D10", CultureInfo.InvariantCulture));

    public static bool TryParse(string name, out long number)
    {
        number = 0;
        return name.StartsWith(Prefix, StringComparison.Ordinal)
            && long.TryParse(name.AsSpan(Prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out number);
    }
}
