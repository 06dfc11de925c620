using Taishang.VectorEngine.Indexes.Hnsw;

namespace Taishang.VectorEngine.Tests.Indexes;

public sealed unsafe class LinkPackingTests
{
    private const int WordsMax = 65;

    [Theory]
    [InlineData(2)]
    [InlineData(10)]
    [InlineData(LinkPacking.NarrowBits)]
    [InlineData(LinkPacking.WideBits)]
    public void A_list_comes_back_as_it_was_written_and_appended_to(int bits)
    {
        var packing = new LinkPacking(bits);
        var random = new Random(bits);
        var words = stackalloc ulong[WordsMax];
        var read = stackalloc int[WordsMax * packing.PlacesOfWord];
        for (var step = 0; step < 500; step++)
        {
            var most = random.Next(1, 130);
            var wordCount = packing.Words(most);
            var expected = Enumerable.Range(0, random.Next(most + 1)).Select(_ => Node(packing, random)).ToList();
            // Whatever lay there before must not shine through.
            new Random(step).NextBytes(new Span<byte>(words, WordsMax * sizeof(ulong)));
            packing.Write(words, wordCount, expected.ToArray());
            Check(packing, words, wordCount, read, expected);
            while (expected.Count < wordCount * packing.PlacesOfWord)
            {
                var node = Node(packing, random);
                packing.Append(words, expected.Count, node);
                expected.Add(node);
                Check(packing, words, wordCount, read, expected);
            }
        }
    }

    [Fact]
    public void A_graph_begins_narrow_only_when_more_rows_can_come_before_it_is_outgrown()
    {
        Assert.Equal(LinkPacking.NarrowBits, LinkPacking.For(1).Bits);
        Assert.Equal(LinkPacking.NarrowBits, LinkPacking.For(1_572_861).Bits);
        Assert.Equal(LinkPacking.WideBits, LinkPacking.For(1_572_862).Bits);
        Assert.Equal(LinkPacking.WideBits, LinkPacking.For(int.MaxValue).Bits);
        Assert.Equal(2_097_151, new LinkPacking(LinkPacking.NarrowBits).NodesMax);
        Assert.Equal(int.MaxValue, new LinkPacking(LinkPacking.WideBits).NodesMax);
    }

    [Theory]
    [InlineData(LinkPacking.NarrowBits)]
    [InlineData(LinkPacking.WideBits)]
    public void Words_that_are_no_list_are_told_from_lists(int bits)
    {
        var packing = new LinkPacking(bits);
        var words = stackalloc ulong[2];
        packing.Write(words, 2, [6, 2, 3]);
        Assert.True(packing.IsSound(words, 2, 7));
        Assert.False(packing.IsSound(words, 2, 6));

        // A gap, in a word and between two.
        words[0] = 5UL << bits;
        words[1] = 0;
        Assert.False(packing.IsSound(words, 2, 7));
        words[0] = 5;
        words[1] = 5;
        Assert.False(packing.IsSound(words, 2, 7));

        packing.Write(words, 2, default);
        Assert.True(packing.IsSound(words, 2, 7));
        if (bits == LinkPacking.NarrowBits)
        {
            packing.Write(words, 2, [1, 2, 3, 4]);
            words[0] |= 1UL << 63;
            Assert.False(packing.IsSound(words, 2, 7));
        }
    }

    private static int Node(LinkPacking packing, Random random) =>
        random.Next(4) == 0 ? packing.NodesMax - 1 : random.Next(packing.NodesMax);

    private static void Check(LinkPacking packing, ulong* words, int wordCount, int* read, List<int> expected)
    {
        var count = packing.Read(words, wordCount, read);
        Assert.Equal(expected, new ReadOnlySpan<int>(read, count).ToArray());
        Assert.True(packing.IsSound(words, wordCount, packing.NodesMax));
    }
}
