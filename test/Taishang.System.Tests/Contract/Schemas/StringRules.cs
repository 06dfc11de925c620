using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Taishang.System.Tests.Contract.Schemas;

/// <summary>Keywords that look at a string.</summary>
internal static partial class StringRules
{
    public static void Check(string path, string value, string keyword, JsonNode rule, List<string> errors)
    {
        var broken = keyword switch
        {
            // Lengths count characters of Unicode, not code units.
            "minLength" => value.EnumerateRunes().Count() < (int)rule,
            "maxLength" => value.EnumerateRunes().Count() > (int)rule,
            "pattern" => !Regex.IsMatch(
                value, (string)rule!, RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1)),
            "format" => !HasFormat(value, (string)rule!),
            _ => throw new FormatException($"the validator does not know the keyword '{keyword}'"),
        };
        if (broken) errors.Add($"{path}: {keyword} {rule.ToJsonString()}, came '{value}'");
    }

    private static bool HasFormat(string value, string format) => format switch
    {
        "date-time" => Rfc3339().IsMatch(value)
            && DateTimeOffset.TryParse(value, CultureInfo.InvariantCulture, DateTimeStyles.None, out _),
        "uuid" => Guid.TryParseExact(value, "D", out _),
        _ => throw new FormatException($"the validator does not know the format '{format}'"),
    };

    [GeneratedRegex(
        @"^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Rfc3339();
}
