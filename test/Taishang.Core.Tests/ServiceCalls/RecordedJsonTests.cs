using System.Text.Json;
using Google.Protobuf;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.ServiceCalls;

namespace Taishang.Core.Tests.ServiceCalls;

public sealed class RecordedJsonTests
{
    [Fact]
    public void Vectors_become_their_dims_and_lists_their_beginning()
    {
        var request = new UpsertVectorsRequest { CollectionId = "c-1" };
        for (var i = 0; i < 8; i++)
        {
            request.Rows.Add(new Row
            {
                Id = new RowId { Integer = i + 1 },
                Vector = { Enumerable.Repeat(0.123456f, 784) },
                MetadataJson = ByteString.CopyFromUtf8("{\"city\":\"北京\"}"),
            });
        }

        var text = new RecordedJson(2_000).Write(request);

        var json = JsonDocument.Parse(text).RootElement;
        var rows = json.GetProperty("rows");
        Assert.Equal("c-1", json.GetProperty("collection_id").GetString());
        Assert.Equal(784, rows[0].GetProperty("vector").GetProperty("dims").GetInt32());
        Assert.Equal("{\"city\":\"北京\"}", rows[0].GetProperty("metadata_json").GetString());
        Assert.Equal(1, rows[0].GetProperty("id").GetProperty("integer").GetInt32());
        Assert.Equal("… 5 more", rows[3].GetString());
        Assert.DoesNotContain("0.123", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Keys_of_a_model_are_never_recorded()
    {
        var request = new ComputeEmbeddingRequest
        {
            Model = new ModelSpec
            {
                Name = "m",
                Provider = "openai",
                Endpoint = "https://user:pa55@host.test:8443/v1?key=s3cret#x",
                ConfigJson = "{\"api_key\":\"sk-s3cret\"}",
            },
            Texts = { "hello" },
        };

        var text = new RecordedJson(2_000).Write(request);

        Assert.DoesNotContain("s3cret", text, StringComparison.Ordinal);
        Assert.DoesNotContain("pa55", text, StringComparison.Ordinal);
        Assert.Contains("https://host.test:8443/v1", text, StringComparison.Ordinal);
        Assert.Contains("hello", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(500)]
    [InlineData(2_000)]
    [InlineData(20_000)]
    public void Whatever_comes_the_record_is_valid_JSON_within_its_limit(int charsMax)
    {
        var json = new RecordedJson(charsMax);
        var random = new Random(11);
        for (var round = 0; round < 300; round++)
        {
            foreach (var message in (IMessage[])[RandomSearch(random), RandomAnswer(random), RandomTexts(random)])
            {
                var text = json.Write(message);
                Assert.InRange(text.Length, 2, charsMax);
                using var _ = JsonDocument.Parse(text);
            }
        }
    }

    private static SearchVectorsRequest RandomSearch(Random random)
    {
        var request = new SearchVectorsRequest
        {
            CollectionId = Hostile(random),
            TopK = random.Next(),
            Exact = random.Next(2) == 0,
            FilterJson = ByteString.CopyFrom(Bytes(random, random.Next(3_000))),
            ScoreThreshold = random.Next(3) switch { 0 => float.NaN, 1 => float.NegativeInfinity, _ => 0.1f },
        };
        for (var i = random.Next(20); i > 0; i--) request.Queries.Add(new QueryVector { Values = { 1f, 2f } });
        return request;
    }

    private static SearchVectorsResponse RandomAnswer(Random random)
    {
        var answer = new SearchVectorsResponse { EngineMicroseconds = random.Next() };
        for (var i = random.Next(8); i > 0; i--)
        {
            var hits = new Hits();
            for (var j = random.Next(12); j > 0; j--)
            {
                hits.Hits_.Add(new Hit
                {
                    Id = new RowId { Text = Hostile(random) },
                    Distance = float.MaxValue,
                    Score = float.Epsilon,
                    MetadataJson = ByteString.CopyFrom(Bytes(random, random.Next(600))),
                    Vector = { 1f },
                });
            }

            answer.Answers.Add(hits);
        }

        return answer;
    }

    private static ComputeEmbeddingRequest RandomTexts(Random random)
    {
        var request = new ComputeEmbeddingRequest { Model = new ModelSpec { Name = Hostile(random) } };
        for (var i = random.Next(12); i > 0; i--) request.Texts.Add(Hostile(random));
        return request;
    }

    /// <summary>Quotes, control characters, halves of characters and long runs.</summary>
    private static string Hostile(Random random)
    {
        string[] pieces = ["\"", "\\", "\n", "\0", "\ud83d", "\udc00", "😀", "北京", new string('x', 300), "\u001f", "é"];
        return string.Concat(Enumerable.Range(0, random.Next(60)).Select(_ => pieces[random.Next(pieces.Length)]));
    }

    private static byte[] Bytes(Random random, int count)
    {
        var bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }
}
