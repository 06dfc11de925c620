using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Taishang.Ai.Models;

namespace Taishang.Ai.Tests.Models;

/// <summary>Ways in which services of the OpenAI form differ and nothing is lost.</summary>
public sealed class OpenAiLeniencyTests
{
    [Theory]
    [InlineData("""{"data":[{"embedding":[1,2]},{"embedding":[3,4]}],"usage":{"prompt_tokens":9}}""")]
    [InlineData("""{"data":[{"index":1,"embedding":[3,4]},{"index":0,"embedding":[1,2]}],USED}""")]
    [InlineData("""{"data":[{"embedding":"AACAPwAAAEA="},{"embedding":"AABAQAAAgEA="}],"usage":{"prompt_tokens":9}}""")]
    public async Task Vectors_are_read_without_index_and_as_base64_too(string body)
    {
        body = body.Replace("USED", "\"usage\":{\"total_tokens\":9}", StringComparison.Ordinal);
        await using OpenAiWorld world = await StartAsync(body);
        EmbeddingBatch batch = await EmbedAsync(world);
        Assert.Equal([1f, 2, 3, 4], batch.Values);
        Assert.Equal((9L, false), (batch.TotalTokens, batch.TokensEstimated));
        Assert.True(batch.UpstreamMs > 0);
    }

    [Fact]
    public async Task Tokens_that_nobody_counted_are_an_estimate_and_said_to_be_one()
    {
        await using OpenAiWorld world = await StartAsync("""{"data":[{"embedding":[1,2]},{"embedding":[3,4]}]}""");
        EmbeddingBatch batch = await EmbedAsync(world);
        Assert.Equal([2, 2], batch.Tokens);
        Assert.True(batch.TokensEstimated);
    }

    [Theory]
    [InlineData("""{"error":{"message":"full","code":429}}""", nameof(ModelErrorKind.UpstreamLimited))]
    [InlineData("""{"data":null,"error":{"message":"full"}}""", nameof(ModelErrorKind.UpstreamFailed))]
    [InlineData("""{"data":[{"embedding":"AACAPwA="},{"embedding":"AA=="}]}""", nameof(ModelErrorKind.UpstreamFailed))]
    [InlineData("""{"data":[{"embedding":[1]},{"index":1,"embedding":[1]}]}""", nameof(ModelErrorKind.UpstreamFailed))]
    [InlineData("""{"data":[{"embedding":[1,2]},{"embedding":[1,2,3]}]}""", nameof(ModelErrorKind.UpstreamFailed))]
    public async Task What_is_no_difference_but_an_error_stays_one(string body, string kind)
    {
        await using OpenAiWorld world = await StartAsync(body);
        ModelException failure = await Assert.ThrowsAsync<ModelException>(() => EmbedAsync(world));
        Assert.Equal(kind, failure.Kind.ToString());
    }

    [Fact]
    public async Task Extra_fields_of_the_configuration_go_into_the_body_and_change_none_of_ours()
    {
        await using OpenAiWorld world = await StartAsync("""{"data":[{"embedding":[1,2]},{"embedding":[3,4]}]}""");
        await EmbedAsync(world, """{"extra":{"input_type":"query","input":"x"},"dimensions":2}""");
        JsonElement body = world.Bodies[1];
        Assert.Equal("query", body.GetProperty("input_type").GetString());
        Assert.Equal(2, body.GetProperty("input").GetArrayLength());
        Assert.Equal(2, body.GetProperty("dimensions").GetInt32());
    }

    [Fact]
    public async Task Another_number_of_dimensions_than_before_or_than_asked_for_is_refused()
    {
        await using OpenAiWorld world = await StartAsync(
            """{"data":[{"embedding":[1,2,3]},{"embedding":[3,4,5]}]}""");
        ModelException changed = await Assert.ThrowsAsync<ModelException>(() => EmbedAsync(world));
        Assert.Equal("The service gave 3 dimensions where it gave 2 before.", changed.Message);
        ModelException refused =
            await Assert.ThrowsAsync<ModelException>(() => EmbedAsync(world, """{"dimensions":3}"""));
        Assert.Equal("The service gives 2 dimensions; 3 were asked for.", refused.Message);
    }

    [Fact]
    public void Chinese_counts_by_characters_and_english_by_fours()
    {
        Assert.Equal(0, TokenEstimate.Of(""));
        Assert.Equal(4, TokenEstimate.Of("四个汉字"));
        Assert.Equal(3, TokenEstimate.Of("nine chars"));
        Assert.Equal(3, TokenEstimate.Of("你好 abc"));
        Assert.Equal(1, TokenEstimate.Of("🦊"));
    }

    // The probe of one text is answered rightly; what a test looks at are the two texts after it.
    private static Task<OpenAiWorld> StartAsync(string body) => OpenAiWorld.StartAsync(async context =>
    {
        context.Response.ContentType = "application/json";
        bool isProbe = context.Items[OpenAiWorld.BodyItem] is JsonElement asked
            && asked.GetProperty("input").GetArrayLength() == 1;
        await context.Response.WriteAsync(isProbe ? """{"data":[{"embedding":[1,2]}]}""" : body);
    });

    private static async Task<EmbeddingBatch> EmbedAsync(OpenAiWorld world, string config = "{}") =>
        (await world.Embeddings.EmbedAsync(world.Reference(config), [new string('a', 8), new string('b', 8)], default))
        .Batch;
}
