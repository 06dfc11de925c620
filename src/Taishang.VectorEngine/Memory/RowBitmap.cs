using System.Numerics;
using System.Runtime.CompilerServices;

namespace Taishang.VectorEngine.Memory;

/// <summary>A set of rows 0 to <see cref="Rows"/> − 1, one bit each.</summary>
internal sealed class RowBitmap(int rows)
{
    public int Rows { get; } = rows;

    /// <summary>64 rows a word; bits past the last row are always zero.</summary>
    public ulong[] Words { get; } = new ulong[((long)rows + 63) >> 6];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Contains(int row) => (Words[row >> 6] >> (row & 63) & 1) != 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(int row) => Words[row >> 6] |= 1UL << (row & 63);

    public void Fill()
    {
        Array.Fill(Words, ulong.MaxValue);
        ClearPastEnd();
    }

    public void And(RowBitmap other)
    {
        for (var i = 0; i < Words.Length; i++)
            Words[i] &= other.Words[i];
    }

    public void Or(RowBitmap other)
    {
        for (var i = 0; i < Words.Length; i++)
            Words[i] |= other.Words[i];
    }

    /// <summary>Adds a set of no more rows than this one may have.</summary>
    public void OrPrefix(RowBitmap other)
    {
        for (var i = 0; i < other.Words.Length; i++)
            Words[i] |= other.Words[i];
    }

    public void Invert()
    {
        for (var i = 0; i < Words.Length; i++)
            Words[i] = ~Words[i];
        ClearPastEnd();
    }

    public int CountSet()
    {
        var count = 0;
        foreach (var word in Words)
            count += BitOperations.PopCount(word);
        return count;
    }

    /// <summary>The first row of the set from this one on, or −1.</summary>
    public int Next(int from)
    {
        if ((uint)from >= (uint)Rows)
            return -1;

        var word = from >> 6;
        var bits = Words[word] & ulong.MaxValue << (from & 63);
        while (bits == 0)
        {
            if (++word == Words.Length)
                return -1;

            bits = Words[word];
        }

        return (word << 6) + BitOperations.TrailingZeroCount(bits);
    }

    private void ClearPastEnd()
    {
        if ((Rows & 63) != 0)
            Words[^1] &= (1UL << (Rows & 63)) - 1;
    }
}
