using System.Globalization;
using System.Text;

namespace Taishang.Ai.Embeddings;

/// <summary>What a folded character is to the feature extractor.</summary>
internal enum CharacterClass : byte
{
    /// <summary>Ends a word and means nothing itself.</summary>
    Separator,

    /// <summary>A letter or digit of a script that writes words apart.</summary>
    Word,

    /// <summary>A character of a script written without spaces: Han, kana, Thai and their like.</summary>
    Ideograph,

    /// <summary>A sign that means something alone: emoji, currency, mathematics.</summary>
    Symbol,
}

/// <summary>
/// Folds text so that spellings of one thing become one: compatibility forms (full width, ligatures, circled digits),
/// case, and the accents of Latin, Greek and Cyrillic. The runtime's own normalisation does nothing in a process with
/// invariant globalization and depends on the machine's ICU otherwise, so the folding comes from a table that ships
/// with the embedder: the vectors of a text must be the same on every machine.
/// </summary>
internal static class TextFolder
{
    private const string ResourceName = "Taishang.Ai.Embeddings.folding.tsv";
    private const int BmpSize = 0x10000;

    // Marks a character of the basic plane whose folding is not exactly one character of the basic plane.
    private const char Expanded = '\uFFFF';

    private static readonly char[] Single = new char[BmpSize];
    private static readonly byte[] BmpClasses = new byte[BmpSize];
    private static readonly Dictionary<int, string> Sequences = [];

    static TextFolder()
    {
        for (int code = 0; code < BmpSize; code++)
        {
            BmpClasses[code] = (byte)Classify(code);
            Single[code] = BmpClasses[code] == (byte)CharacterClass.Separator ? ' ' : (char)code;
        }
        foreach ((int code, string folded) in ReadTable())
        {
            if (code < BmpSize && folded.Length == 1)
            {
                char target = folded[0];
                Single[code] = BmpClasses[target] == (byte)CharacterClass.Separator ? ' ' : target;
                continue;
            }
            if (code < BmpSize) Single[code] = Expanded;
            Sequences[code] = folded;
        }
    }

    /// <summary>
    /// Folds <paramref name="text"/> into <paramref name="folded"/>. Every separator becomes one space; what the
    /// table drops leaves nothing. Returns the characters written; the rest of the text is not read once the
    /// buffer is full, and <paramref name="consumed"/> says how far reading came.
    /// </summary>
    public static int Fold(ReadOnlySpan<char> text, Span<char> folded, out int consumed)
    {
        int written = 0;
        int position = 0;
        while (position < text.Length)
        {
            char current = text[position];
            if (!char.IsSurrogate(current))
            {
                char single = Single[current];
                if (single != Expanded)
                {
                    if (written == folded.Length) break;
                    folded[written++] = single;
                    position++;
                    continue;
                }
            }
            // A lone surrogate decodes to U+FFFD, which separates.
            _ = Rune.DecodeFromUtf16(text[position..], out Rune rune, out int length);
            if (!TryAppend(rune, folded, ref written)) break;
            position += length;
        }
        consumed = position;
        return written;
    }

    /// <summary>
    /// Folds the letters and digits beyond ASCII alone and leaves all else as it is, for tokenizers that know
    /// punctuation but no accents.
    /// </summary>
    public static string FoldLetters(string text)
    {
        if (!text.AsSpan().ContainsAnyExceptInRange('\0', '\u007F')) return text;
        var folded = new StringBuilder(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            bool accent = rune.Value is >= 0x0300 and <= 0x036F;
            if (accent || (!rune.IsAscii && ClassOf(rune.Value) == CharacterClass.Word))
            {
                if (Sequences.TryGetValue(rune.Value, out string? sequence)) folded.Append(sequence);
                else if (rune.IsBmp) folded.Append(Single[rune.Value]);
                else folded.Append(rune.ToString());
            }
            else folded.Append(rune.ToString());
        }
        return folded.ToString();
    }

    /// <summary>The class of a folded code point.</summary>
    public static CharacterClass ClassOf(int codePoint) => codePoint < BmpSize
        ? (CharacterClass)BmpClasses[codePoint]
        : Classify(codePoint);

    private static bool TryAppend(Rune rune, Span<char> folded, ref int written)
    {
        if (Sequences.TryGetValue(rune.Value, out string? sequence))
        {
            if (written + sequence.Length > folded.Length) return false;
            foreach (char piece in sequence)
            {
                bool separates = !char.IsSurrogate(piece) && BmpClasses[piece] == (byte)CharacterClass.Separator;
                folded[written++] = separates ? ' ' : piece;
            }
            return true;
        }
        if (written + rune.Utf16SequenceLength > folded.Length) return false;
        if (ClassOf(rune.Value) == CharacterClass.Separator) folded[written++] = ' ';
        else written += rune.EncodeToUtf16(folded[written..]);
        return true;
    }

    private static CharacterClass Classify(int code)
    {
        switch (CharUnicodeInfo.GetUnicodeCategory(code))
        {
            case UnicodeCategory.LowercaseLetter or UnicodeCategory.UppercaseLetter or UnicodeCategory.TitlecaseLetter
                or UnicodeCategory.DecimalDigitNumber or UnicodeCategory.OtherNumber:
                return CharacterClass.Word;
            case UnicodeCategory.OtherLetter or UnicodeCategory.LetterNumber or UnicodeCategory.ModifierLetter
                or UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark:
                return IsWrittenWithoutSpaces(code) ? CharacterClass.Ideograph : CharacterClass.Word;
            case UnicodeCategory.CurrencySymbol or UnicodeCategory.MathSymbol or UnicodeCategory.OtherSymbol:
                return code == Rune.ReplacementChar.Value ? CharacterClass.Separator : CharacterClass.Symbol;
            default:
                return CharacterClass.Separator;
        }
    }

    private static bool IsWrittenWithoutSpaces(int code) => code
        is (>= 0x0E00 and <= 0x0EFF) // Thai and Lao
        or (>= 0x1000 and <= 0x109F) or (>= 0x1780 and <= 0x17FF) // Myanmar and Khmer
        or (>= 0x2E80 and <= 0x312F) // radicals, ideographic marks, kana, bopomofo
        or (>= 0x31A0 and <= 0x9FFF) // extension A and the unified ideographs
        or (>= 0xF900 and <= 0xFAFF) // compatibility ideographs
        or (>= 0x16FE0 and <= 0x18DFF) or (>= 0x1AFF0 and <= 0x1B2FF) // Tangut, Khitan, Nüshu, historic kana
        or (>= 0x20000 and <= 0x3FFFF); // the supplementary ideographic planes

    private static IEnumerable<(int Code, string Folded)> ReadTable()
    {
        using Stream stream = typeof(TextFolder).Assembly.GetManifestResourceStream(ResourceName)
            ?? throw new InvalidOperationException($"The program lacks its resource {ResourceName}.");
        using var reader = new StreamReader(stream, Encoding.ASCII);
        while (reader.ReadLine() is { } line)
        {
            if (line.Length == 0 || line[0] == '#') continue;
            int tab = line.IndexOf('\t', StringComparison.Ordinal);
            int code = int.Parse(line.AsSpan(0, tab), NumberStyles.HexNumber);
            var folded = new StringBuilder();
            foreach (string piece in line[(tab + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries))
                folded.Append(new Rune(int.Parse(piece, NumberStyles.HexNumber)).ToString());
            yield return (code, folded.ToString());
        }
    }
}
