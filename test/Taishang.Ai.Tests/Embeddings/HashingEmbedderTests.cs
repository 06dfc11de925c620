using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Taishang.Ai.Embeddings;
using Xunit;

namespace Taishang.Ai.Tests.Embeddings;

public sealed class HashingEmbedderTests
{
    private const float Tolerance = 1e-5f;

    [Fact]
    public void The_vectors_of_version_1_0_0_are_the_same_bits_everywhere()
    {
        string[] texts =
        [
            "The quick brown fox jumps over the lazy dog.", "太山是一个向量检索系统。", "Ｆｕｌｌ　ｗｉｄｔｈ", "naïve café Ünïcödé ß",
            "𠀀𠀁 extension B", "👍🏽 emoji", "...", "日本語とカタカナ", "Привет мир",
            string.Concat(Enumerable.Repeat("long text ", 500)),
        ];
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string text in texts) sha.AppendData(MemoryMarshal.AsBytes(Embed(text).AsSpan()));

        Assert.Equal(
            "0f3c254d1d99b6b51a32fa1edc1012143e04117610359f9c85410409f91b54c2",
            Convert.ToHexStringLower(sha.GetHashAndReset()));
    }

    [Fact]
    public void A_vector_has_length_one()
    {
        foreach (string text in (string[])["a", "word", "向量", "!?", "1,000.5", "a 向 👍"])
            Assert.Equal(1, TensorPrimitives.Norm(Embed(text)), Tolerance);
    }

    [Theory]
    [InlineData("Hello World", "hello WORLD")]
    [InlineData("ＡＢＣ　１２３", "abc 123")]
    [InlineData("café", "cafe\u0301")]
    [InlineData("Straße", "STRASSE")]
    [InlineData("ﬁne", "fine")]
    [InlineData("①②", "12")]
    [InlineData("ΑΒΓ", "αβγ")]
    [InlineData("soft\u00ADhyphen", "softhyphen")]
    [InlineData("豈", "\u8C48")]
    [InlineData("𝐛𝐨𝐥𝐝", "bold")]
    [InlineData("太山。向量", "太山，向量")]
    public void Spellings_of_one_thing_are_one_vector(string one, string other)
    {
        Assert.Equal(Embed(one), Embed(other));
    }

    [Theory]
    [InlineData("か", "が")]
    [InlineData("가", "나")]
    [InlineData("𠀀", "𠀁")]
    [InlineData("👍", "👎")]
    [InlineData("...", "!!!")]
    [InlineData("向量", "量向")]
    public void Different_things_are_different_vectors(string one, string other)
    {
        Assert.True(TensorPrimitives.Dot<float>(Embed(one), Embed(other)) < 0.99);
    }

    [Fact]
    public void A_misspelling_stays_near_and_another_subject_far()
    {
        float[] query = Embed("vector database retrieval");
        float near = TensorPrimitives.Dot<float>(query, Embed("vector databse retreival"));
        float far = TensorPrimitives.Dot<float>(query, Embed("cooking rice with vegetables"));
        Assert.True(near > far + 0.3f, $"near {near}, far {far}");
    }

    [Fact]
    public void A_rare_word_counts_more_than_a_frequent_one()
    {
        float[] query = Embed("the chrysanthemum");
        Assert.True(
            TensorPrimitives.Dot<float>(query, Embed("chrysanthemum"))
            > TensorPrimitives.Dot<float>(query, Embed("the")));
    }

    [Theory]
    [InlineData("\uD800")]
    [InlineData("a\uDC00b")]
    [InlineData("\uD83D text \uD83D")]
    public void A_lone_surrogate_is_read_as_a_separator(string text)
    {
        float[] vector = Embed(text);
        Assert.True(TensorPrimitives.IsFiniteAll<float>(vector));
        string separated = new([.. text.Select(piece => char.IsSurrogate(piece) ? ' ' : piece)]);
        if (separated.Trim().Length > 0) Assert.Equal(vector, Embed(separated));
    }

    [Fact]
    public void A_text_without_content_has_no_tokens_and_no_vector()
    {
        float[] vector = new float[HashingEmbedder.Dimensions];
        foreach (string text in (string[])["", " ", "\t\r\n", "\u0001\u0002", "　"])
        {
            Assert.Equal(0, New().Embed(text, vector));
            Assert.All(vector, value => Assert.Equal(0, value));
        }
    }

    [Fact]
    public void A_text_beyond_the_limit_is_cut_and_says_so()
    {
        HashingEmbedder embedder = New();
        float[] vector = new float[HashingEmbedder.Dimensions];
        string within = new('字', FeatureExtractor.MaxTokens);
        Assert.Equal(FeatureExtractor.MaxTokens, embedder.Embed(within, vector));
        Assert.False(embedder.Truncated);
        float[] cut = new float[HashingEmbedder.Dimensions];
        Assert.Equal(FeatureExtractor.MaxTokens, embedder.Embed(within + "词", cut));
        Assert.True(embedder.Truncated);
        Assert.Equal(vector, cut);

        string onlyLetters = new('x', FeatureExtractor.MaxCharacters + 1);
        Assert.Equal(1, embedder.Embed(onlyLetters, vector));
        Assert.True(embedder.Truncated);
    }

    [Fact]
    public void An_embedder_that_read_other_texts_before_gives_the_same_vector()
    {
        HashingEmbedder used = New();
        float[] vector = new float[HashingEmbedder.Dimensions];
        var random = new Random(20261122);
        for (int round = 0; round < 50; round++)
        {
            string text = RandomText(random);
            used.Embed(text, vector);
            Assert.Equal(Embed(text), vector);
        }
    }

    [Fact]
    public void A_warm_embedder_allocates_nothing()
    {
        HashingEmbedder embedder = New();
        float[] vector = new float[HashingEmbedder.Dimensions];
        string text = string.Join(' ', Enumerable.Range(0, 64).Select(n => "word" + n)) + "向量检索系统";
        embedder.Embed(text, vector);
        // The collector may empty the shared pools between two calls, at a time of its own choice; then one of them
        // allocates anew. An embedder that allocates by itself does so in each of the attempts.
        var allocated = new List<long>();
        for (int attempt = 0; attempt < 5; attempt++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int round = 0; round < 100; round++) embedder.Embed(text, vector);
            allocated.Add(GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.Contains(0, allocated);
    }

    [Fact]
    public void A_hostile_text_of_one_endless_word_or_every_character_stays_finite()
    {
        var every = new StringBuilder();
        for (int code = 0; code < 0x10000; code++) every.Append((char)code);
        foreach (string text in (string[])[every.ToString(), new string('ﷺ', 60_000), new string('a', 1 << 20)])
            Assert.Equal(1, TensorPrimitives.Norm(Embed(text)), Tolerance);
    }

    private static string RandomText(Random random)
    {
        var text = new StringBuilder();
        int length = random.Next(1, 400);
        for (int i = 0; i < length; i++)
        {
            text.Append(random.Next(4) switch
            {
                0 => (char)random.Next(0x4E00, 0x9FFF),
                1 => ' ',
                2 => (char)random.Next('a', 'z'),
                _ => (char)random.Next(0x10000),
            });
        }
        return text.ToString();
    }

    private static HashingEmbedder New() => new(InverseDocumentFrequencies.Shipped, HashingWeights.Version1);

    private static float[] Embed(string text)
    {
        float[] vector = new float[HashingEmbedder.Dimensions];
        New().Embed(text, vector);
        return vector;
    }
}
