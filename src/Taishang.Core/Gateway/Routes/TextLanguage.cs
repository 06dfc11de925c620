namespace Taishang.Core.Gateway.Routes;

/// <summary>
/// The language of a text by its script: what can be told in a microsecond without a model. What is written in Latin
/// letters counts as English, in Cyrillic as Russian: a caller that knows better says so in a header.
/// </summary>
internal static class TextLanguage
{
    /// <summary>The beginning of a text says what the rest is written in.</summary>
    private const int CharactersMax = 512;

    private static readonly (char First, char Last, int Script)[] Scripts =
    [
        ('A', 'Z', Latin), ('a', 'z', Latin), ('\u00c0', '\u024f', Latin), ('\u0370', '\u03ff', 4),
        ('\u0400', '\u052f', 5), ('\u0590', '\u05ff', 6), ('\u0600', '\u06ff', 7), ('\u0900', '\u097f', 8),
        ('\u0e00', '\u0e7f', 9), ('\u1100', '\u11ff', Hangul), ('\u3040', '\u30ff', Kana),
        ('\u3400', '\u9fff', Han), ('\uac00', '\ud7af', Hangul), ('\uf900', '\ufaff', Han),
    ];

    private static readonly string[] Words = ["en", "zh", "ja", "ko", "el", "ru", "he", "ar", "hi", "th"];

    private const int Latin = 0;
    private const int Han = 1;
    private const int Kana = 2;
    private const int Hangul = 3;

    /// <summary>Empty where there are no letters.</summary>
    public static string Of(ReadOnlySpan<char> text)
    {
        Span<int> counts = stackalloc int[10];
        counts.Clear();
        if (text.Length > CharactersMax) text = text[..CharactersMax];
        foreach (var c in text)
        {
            var script = ScriptOf(c);
            if (script >= 0) counts[script]++;
        }

        // A Japanese text may hold more Han than kana, a Chinese one holds no kana; Latin words stand in any text, and
        // take several letters for what others say in one.
        counts[Latin] /= 4;
        if (counts[Kana] > 0 && counts[Kana] * 8 >= counts[Han])
        {
            counts[Kana] += counts[Han];
            counts[Han] = 0;
        }

        var best = 0;
        for (var i = 1; i < counts.Length; i++)
        {
            if (counts[i] > counts[best]) best = i;
        }

        return counts[best] > 0 || ContainsLatin(text) ? Words[best] : "";
    }

    private static int ScriptOf(char c)
    {
        foreach (var (first, last, script) in Scripts)
        {
            if (c < first) return -1;
            if (c <= last) return script;
        }

        return -1;
    }

    private static bool ContainsLatin(ReadOnlySpan<char> text)
    {
        foreach (var c in text)
        {
            if (ScriptOf(c) == Latin) return true;
        }

        return false;
    }
}
