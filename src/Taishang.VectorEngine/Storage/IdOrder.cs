using Taishang.VectorEngine.Memory;

namespace Taishang.VectorEngine.Storage;

/// <summary>
/// Ties of distance go by id, in the order of UTF-16 code units, which is that of <see cref="VectorId.CompareTo"/>. Ids
/// lie in UTF-8, whose order differs in one thing: characters beyond U+FFFF come last there, but in UTF-16 before
/// U+E000.
/// </summary>
internal readonly struct IdOrder(RowTable rows) : ITieBreak
{
    private const byte FirstAfterSurrogates = 0xEE;
    private const byte FirstBeyond16Bits = 0xF0;
    private const int Behind = 0x10;

    public int Compare(int left, int right) => Compare(rows.Record(left).Id, rows.Record(right).Id);

    /// <summary>Compares two texts in UTF-8 as their UTF-16 would compare.</summary>
    public static int Compare(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        var at = left.CommonPrefixLength(right);
        if (at == left.Length || at == right.Length)
            return left.Length - right.Length;

        return Rank(left[at]) - Rank(right[at]);
    }

    /// <summary>Puts the lead bytes of U+E000 to U+FFFF behind those of longer sequences.</summary>
    private static int Rank(byte value) =>
        value is >= FirstAfterSurrogates and < FirstBeyond16Bits ? value + Behind : value;
}
