namespace Taishang.Ai.Models;

/// <summary>
/// Tokens of a text whose model tells no count: one for each character of scripts without letters (Chinese, Japanese,
/// Korean and the like), one for every four of the others. Tokenizers of today's models lie within a third of it on
/// prose of both kinds; it is counted in, so that no budget is passed by a provider that counts nothing.
/// </summary>
internal struct TokenEstimate
{
    private const char FirstWide = '\u2E80';
    private const int NarrowPerToken = 4;
    private long _wide;
    private long _narrow;

    /// <summary>Tokens of what was added so far.</summary>
    public readonly long Tokens => _wide + ((_narrow + NarrowPerToken - 1) / NarrowPerToken);

    public static long Of(ReadOnlySpan<char> text)
    {
        var estimate = default(TokenEstimate);
        estimate.Add(text);
        return estimate.Tokens;
    }

    public void Add(ReadOnlySpan<char> text)
    {
        foreach (char piece in text)
        {
            if (char.IsLowSurrogate(piece)) continue;
            if (piece >= FirstWide) _wide++;
            else _narrow++;
        }
    }
}
