using System.Runtime.CompilerServices;

namespace Taishang.VectorEngine.Indexes.Hnsw;

/// <summary>
/// Lists of node numbers in words of 64 bits: as many numbers a word as fit whole, one more than the node's, so that
/// zero is an empty place. Places are filled from the first word's lowest bits on, without gaps: a list needs no count,
/// and who shifts a word to its right until it is zero has seen all of it.
/// <para>
/// A word is read and written at once. So a list that is rewritten under a reader shows it a mixture of the old and the
/// new, but never a number that stood in neither; that is why numbers do not straddle words.
/// </para>
/// </summary>
/// <param name="bits">Of one number, 2 to 32.</param>
internal readonly unsafe struct LinkPacking(int bits)
{
    private const int WordBits = 64;

    /// <summary>Three numbers a word: two and two thirds bytes each, for two million nodes.</summary>
    public const int NarrowBits = 21;

    /// <summary>Two numbers a word.</summary>
    public const int WideBits = 32;

    /// <summary>A graph begins narrow when at least a third as many nodes again can come before it has to be made anew
    /// with wide links.</summary>
    private const int NarrowBeginMax = ((1 << NarrowBits) - 1) / 4 * 3;

    public int Bits => bits;

    public ulong Mask => (1UL << bits) - 1;

    public int PlacesOfWord => WordBits / bits;

    /// <summary>As many nodes as numbers can name.</summary>
    public int NodesMax => (int)Math.Min(int.MaxValue, Mask);

    /// <summary>What suits a graph that begins with so many nodes.</summary>
    public static LinkPacking For(long nodes) => new(nodes <= NarrowBeginMax ? NarrowBits : WideBits);

    /// <summary>Words that a list of so many numbers takes.</summary>
    public int Words(int links) => (links + PlacesOfWord - 1) / PlacesOfWord;

    /// <summary>Takes a list out of its words; returns how many numbers there are.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Read(ulong* words, int wordCount, int* nodes)
    {
        var count = 0;
        var mask = Mask;
        for (var end = words + wordCount; words < end; words++)
        {
            for (var word = Volatile.Read(ref *words); word != 0; word >>= bits)
                nodes[count++] = (int)(word & mask) - 1;
        }

        return count;
    }

    /// <summary>Puts a list in the place of another; the caller holds its lock.</summary>
    public void Write(ulong* words, int wordCount, ReadOnlySpan<int> nodes)
    {
        for (var i = 0; i < wordCount; i++)
        {
            var word = 0UL;
            for (var place = Math.Min(nodes.Length, (i + 1) * PlacesOfWord) - 1; place >= i * PlacesOfWord; place--)
                word = word << bits | (uint)nodes[place] + 1;
            Volatile.Write(ref words[i], word);
        }
    }

    /// <summary>Fills the first empty place of a list; the caller holds its lock.</summary>
    public void Append(ulong* words, int place, int node)
    {
        ref var word = ref words[place / PlacesOfWord];
        Volatile.Write(ref word, word | ((ulong)(uint)node + 1) << place % PlacesOfWord * bits);
    }

    /// <summary>Whether words out of a file are a list of nodes below a count: what readers rely on.</summary>
    public bool IsSound(ulong* words, int wordCount, int nodes)
    {
        var isAtEnd = false;
        for (var i = 0; i < wordCount; i++)
        {
            for (var place = 0; place < PlacesOfWord; place++)
            {
                var number = words[i] >> place * bits & Mask;
                if (number > (ulong)nodes || (isAtEnd && number != 0))
                    return false;

                isAtEnd = number == 0;
            }

            // Bits that belong to no place.
            if (PlacesOfWord * bits < WordBits && words[i] >> PlacesOfWord * bits != 0)
                return false;
        }

        return true;
    }
}
