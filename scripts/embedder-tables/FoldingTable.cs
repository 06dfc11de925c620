using System.Globalization;
using System.Text;

namespace Taishang.EmbedderTables;

/// <summary>
/// Writes, for each code point that folds into something else, one line: the code point, a tab, and the code points
/// that it becomes (none: it is dropped), all in hex. Compatibility forms are taken apart, letters are lowered, and
/// Latin, Greek and Cyrillic letters lose their accents; other scripts keep their composed letters.
/// </summary>
internal static class FoldingTable
{
    private sealed record Entry(int Code, string Category, string Decomposition, int Lower);

    public static int Write(string unicodeData, string target)
    {
        Dictionary<int, Entry> entries = File.ReadLines(unicodeData).Select(Parse).ToDictionary(entry => entry.Code);
        var lines = new StringBuilder(
            "# How characters fold; made by scripts/make-embedder-tables from the Unicode Character Database 15.0.\n");
        foreach (Entry entry in entries.Values.OrderBy(entry => entry.Code))
        {
            List<int> folded = Fold(entry.Code, entries);
            if (folded is [int only] && only == entry.Code) continue;
            lines.Append(entry.Code.ToString("X4")).Append('\t')
                .AppendJoin(' ', folded.Select(code => code.ToString("X4"))).Append('\n');
        }
        File.WriteAllText(target, lines.ToString());
        return 0;
    }

    private static Entry Parse(string line)
    {
        string[] fields = line.Split(';');
        int code = int.Parse(fields[0], NumberStyles.HexNumber);
        int lower = fields[13].Length == 0 ? code : int.Parse(fields[13], NumberStyles.HexNumber);
        return new Entry(code, fields[2], fields[5], lower);
    }

    private static List<int> Fold(int code, Dictionary<int, Entry> entries)
    {
        if (IsDropped(code)) return [];
        if (code is 0x00DF or 0x1E9E) return ['s', 's']; // Sharp s: the one common letter that lowers into two.
        if (!entries.TryGetValue(code, out Entry? entry)) return [code];
        string[] parts = entry.Decomposition.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        bool compatibility = parts is [['<', ..], ..];
        List<int> pieces = [.. parts.Skip(compatibility ? 1 : 0)
            .Select(part => int.Parse(part, NumberStyles.HexNumber))];
        bool taken = pieces.Count > 0 && (compatibility ? !IsJamo(code) : pieces.Count == 1 || IsAccented(pieces[0]));
        if (taken) return [.. pieces.SelectMany(piece => Fold(piece, entries))];
        return entry.Lower == code ? [code] : Fold(entry.Lower, entries);
    }

    // Combining accents, soft hyphen, joiners, direction marks, variation selectors and the byte order mark.
    private static bool IsDropped(int code) => code is (>= 0x0300 and <= 0x036F) or 0x00AD or (>= 0x200B and <= 0x200F)
        or (>= 0x2060 and <= 0x2064) or (>= 0xFE00 and <= 0xFE0F) or 0xFEFF or (>= 0xE0100 and <= 0xE01EF);

    // Loose jamo stay as they are: taken apart further they would no longer meet the composed syllables.
    private static bool IsJamo(int code) => code is (>= 0x3130 and <= 0x318F) or (>= 0xFFA0 and <= 0xFFDC);

    private static bool IsAccented(int first) => first is < 0x0530 or (>= 0x1E00 and <= 0x1FFF);
}
