using Microsoft.AspNetCore.Http;
using Taishang.Core.Api;

namespace Taishang.Core.Gateway.Routes;

/// <summary>What the conditions of a route's targets look at.</summary>
/// <param name="Language">As the caller says, else by the script of its texts; empty where nobody can tell.</param>
/// <param name="Length">Characters of all texts together.</param>
/// <param name="Labels">As the caller says.</param>
internal readonly record struct CallTraits(string Language, long Length, string[] Labels)
{
    public const string LanguageHeader = "X-Taishang-Language";

    /// <summary>Words separated by commas.</summary>
    public const string LabelsHeader = "X-Taishang-Labels";

    public const int LanguageLengthMax = 16;
    private const int LabelsLengthMax = 2_000;

    /// <exception cref="ApiException">A header is too long.</exception>
    public static CallTraits Of(IHeaderDictionary headers, IEnumerable<string> texts)
    {
        var language = headers[LanguageHeader].ToString().Trim().ToLowerInvariant();
        var labels = headers[LabelsHeader].ToString();
        if (language.Length > LanguageLengthMax)
            throw Invalid(LanguageHeader, $"at most {LanguageLengthMax} characters, such as zh");
        if (labels.Length > LabelsLengthMax) throw Invalid(LabelsHeader, $"at most {LabelsLengthMax} characters");
        long length = 0;
        foreach (var text in texts)
        {
            length += text.Length;
            if (language.Length == 0) language = TextLanguage.Of(text);
        }

        return new CallTraits(
            language, length,
            labels.Length == 0 ? []
                : labels.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));
    }

    public bool Meet(RouteCondition condition)
    {
        if (Length < (condition.LengthMin ?? 0) || Length > (condition.LengthMax ?? long.MaxValue)) return false;
        if (condition.Languages is { } languages && !Contains(languages, Language)) return false;
        if (condition.Labels is not { } wanted) return true;
        foreach (var label in Labels ?? [])
        {
            if (Contains(wanted, label)) return true;
        }

        return false;
    }

    private static bool Contains(IReadOnlyList<string> words, string word)
    {
        // By index: an enumerator of an interface would be allocated on each decision.
        for (var i = 0; i < words.Count; i++)
        {
            if (string.Equals(words[i], word, StringComparison.OrdinalIgnoreCase)) return true;
        }

        return false;
    }

    private static ApiException Invalid(string header, string expected) =>
        new(ErrorCodes.InvalidArgument, $"{header}: expected {expected}");
}
