using System.Runtime.CompilerServices;
using System.Text;

namespace Taishang.Ai.Embeddings;

/// <summary>
/// Takes a text apart into hashed features: words, character 3- to 5-grams of words with their edges marked,
/// characters and bigrams of scripts written without spaces, and single symbols. A feature is a 64-bit key whose low
/// three bits are its <see cref="FeatureKind"/>. Not thread-safe: it owns the buffers that it reuses.
/// </summary>
internal sealed class FeatureExtractor
{
    /// <summary>
    /// Characters of a folded text that are read; what follows is left out and reported as truncated.
    /// </summary>
    public const int MaxCharacters = 65_536;

    /// <summary>Tokens (words, ideographs, symbols) of a text that are read.</summary>
    public const int MaxTokens = 16_384;

    /// <summary>Characters of one word that give n-grams; longer "words" are encoded data, not language.</summary>
    public const int MaxWordCharacters = 64;

    private const ulong Multiplier = 0x9FB21C651E98DF25;
    private const ulong Finalizer = 0xD6E8FEB86659FD93;
    private const char WordStart = '\u0002';
    private const char WordEnd = '\u0003';

    // Of full size from the start: a text must not be cut earlier because its extractor is younger.
    private readonly char[] _folded = new char[MaxCharacters];
    private readonly char[] _padded = new char[MaxWordCharacters + 2];

    /// <summary>The features of the text that was read last.</summary>
    public FeatureCounts Features { get; } = new();

    /// <summary>True if the text that was read last was longer than the limits.</summary>
    public bool Truncated { get; private set; }

    /// <summary>Reads <paramref name="text"/> into <see cref="Features"/> and returns its number of tokens.</summary>
    public int Read(ReadOnlySpan<char> text)
    {
        Features.Clear();
        int length = TextFolder.Fold(text, _folded, out int consumed);
        Truncated = consumed < text.Length;
        ReadOnlySpan<char> folded = _folded.AsSpan(0, length);
        int tokens = 0;
        int position = 0;
        int previous = 0; // The ideograph just before, or 0: bigrams never cross what is not an ideograph.
        while (position < folded.Length)
        {
            int code = CodePointAt(folded, position, out int width);
            CharacterClass kind = TextFolder.ClassOf(code);
            if (kind != CharacterClass.Separator && tokens++ == MaxTokens)
            {
                Truncated = true;
                return MaxTokens;
            }
            switch (kind)
            {
                case CharacterClass.Word:
                    int end = WordEndAfter(folded, position);
                    AddWord(folded[position..end]);
                    width = end - position;
                    break;
                case CharacterClass.Ideograph:
                    Features.Add(Key(Step(Step(0, (ulong)code), 1), FeatureKind.Character));
                    if (previous != 0)
                        Features.Add(Key(Step(Step(0, (ulong)previous), (ulong)code), FeatureKind.Bigram));
                    break;
                case CharacterClass.Symbol:
                    Features.Add(Key(Step(Step(0, (ulong)code), 2), FeatureKind.Symbol));
                    break;
                case CharacterClass.Separator:
                    break;
            }
            previous = kind == CharacterClass.Ideograph ? code : 0;
            position += width;
        }
        return tokens == 0 ? ReadUnspoken(text) : tokens;
    }

    // A text of nothing but punctuation still needs a vector that equals itself and differs from others.
    private int ReadUnspoken(ReadOnlySpan<char> text)
    {
        int tokens = 0;
        foreach (Rune rune in text.Length > MaxTokens ? text[..MaxTokens].EnumerateRunes() : text.EnumerateRunes())
        {
            if (Rune.IsWhiteSpace(rune) || Rune.IsControl(rune)) continue;
            Features.Add(Key(Step(Step(0, (ulong)rune.Value), 2), FeatureKind.Symbol));
            tokens++;
        }
        return tokens;
    }

    private void AddWord(ReadOnlySpan<char> word)
    {
        ulong hash = (ulong)word.Length;
        foreach (char piece in word) hash = Step(hash, piece);
        Features.Add(Key(hash, FeatureKind.Word));

        int kept = Math.Min(word.Length, MaxWordCharacters);
        Span<char> padded = _padded.AsSpan(0, kept + 2);
        padded[0] = WordStart;
        word[..kept].CopyTo(padded[1..]);
        padded[^1] = WordEnd;
        // The n-gram that is the whole word with its edges would only count the word twice.
        int longest = Math.Min(5, padded.Length - 1);
        for (int start = 0; start + 3 <= padded.Length; start++)
        {
            ulong gram = Step(Step(Step(0, padded[start]), padded[start + 1]), padded[start + 2]);
            if (longest >= 3) Features.Add(Key(gram, FeatureKind.Trigram));
            if (longest < 4 || start + 4 > padded.Length) continue;
            gram = Step(gram, padded[start + 3]);
            Features.Add(Key(gram, FeatureKind.FourGram));
            if (longest < 5 || start + 5 > padded.Length) continue;
            Features.Add(Key(Step(gram, padded[start + 4]), FeatureKind.FiveGram));
        }
    }

    private static int WordEndAfter(ReadOnlySpan<char> folded, int start)
    {
        int position = start;
        while (position < folded.Length)
        {
            int code = CodePointAt(folded, position, out int width);
            if (TextFolder.ClassOf(code) != CharacterClass.Word) break;
            position += width;
        }
        return position;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int CodePointAt(ReadOnlySpan<char> folded, int position, out int width)
    {
        char first = folded[position];
        if (char.IsHighSurrogate(first) && position + 1 < folded.Length)
        {
            width = 2;
            return char.ConvertToUtf32(first, folded[position + 1]);
        }
        width = 1;
        return first;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Step(ulong hash, ulong piece)
    {
        hash = (hash ^ (piece + 0x9E3779B9)) * Multiplier;
        return hash ^ (hash >> 32);
    }

    // Mixed once more, because the last piece has not reached all bits yet; never 0, which marks a free slot.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Key(ulong hash, FeatureKind kind)
    {
        hash = (hash + (ulong)kind) * Finalizer;
        hash ^= hash >> 32;
        hash *= Multiplier;
        hash ^= hash >> 29;
        return (hash & ~7UL) | (ulong)kind | 1UL << 63;
    }
}
