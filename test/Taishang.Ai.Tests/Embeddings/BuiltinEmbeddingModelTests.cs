using Taishang.Ai.Embeddings;
using Taishang.Ai.Models;
using Xunit;

namespace Taishang.Ai.Tests.Embeddings;

public sealed class BuiltinEmbeddingModelTests
{
    [Fact]
    public async Task A_batch_on_many_threads_equals_one_text_at_a_time()
    {
        string[] texts = [.. Enumerable.Range(0, 1000).Select(n => $"document number {n} about subject {n % 7} 第{n}号")];
        using var parallel = new BuiltinEmbeddingModel(new EmbeddingLimits(), threads: 4);
        using var single = new BuiltinEmbeddingModel(new EmbeddingLimits(), threads: 1);

        EmbeddingBatch together = await parallel.EmbedAsync(texts, default);

        Assert.Equal(texts.Length, together.Count);
        for (int row = 0; row < texts.Length; row += 37)
        {
            EmbeddingBatch alone = await single.EmbedAsync([texts[row]], default);
            Assert.Equal(alone.Values, together[row].ToArray());
            Assert.Equal(alone.Tokens[0], together.Tokens[row]);
        }
    }

    [Fact]
    public async Task Tokens_are_words_ideographs_and_symbols()
    {
        using var model = new BuiltinEmbeddingModel(new EmbeddingLimits());
        EmbeddingBatch batch = await model.EmbedAsync(["two words", "三个字", "a 字 👍", "don't"], default);
        Assert.Equal([2, 3, 3, 2], batch.Tokens);
        Assert.Equal(10, batch.TotalTokens);
    }

    [Theory]
    [InlineData("")]
    [InlineData("   ")]
    [InlineData("\u0001")]
    public async Task An_empty_text_is_refused_with_its_row(string empty)
    {
        using var model = new BuiltinEmbeddingModel(new EmbeddingLimits());
        ModelException refusal = await Assert.ThrowsAsync<ModelException>(
            async () => await model.EmbedAsync(["fine", empty, "fine"], default));
        Assert.Equal(ModelErrorKind.InvalidInput, refusal.Kind);
        Assert.Equal(1, refusal.Row);
        Assert.Contains("texts[1]", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_first_empty_text_is_named_whichever_thread_finds_it()
    {
        string[] texts = [.. Enumerable.Range(0, 500).Select(n => n >= 100 && n % 100 == 0 ? "\u0001" : "text " + n)];
        using var model = new BuiltinEmbeddingModel(new EmbeddingLimits(), threads: 4);
        ModelException refusal = await Assert.ThrowsAsync<ModelException>(
            async () => await model.EmbedAsync(texts, default));
        Assert.Equal(100, refusal.Row);
    }

    [Fact]
    public async Task Limits_are_checked_before_anything_is_computed()
    {
        var limits = new EmbeddingLimits { MaxTexts = 2, MaxTextCharacters = 10, MaxBatchCharacters = 12 };
        using var model = new BuiltinEmbeddingModel(limits);
        foreach (string[] texts in (string[][])[[], ["a", "b", "c"], ["01234567890"], ["01234567", "01234567"]])
        {
            ModelException refusal = await Assert.ThrowsAsync<ModelException>(
                async () => await model.EmbedAsync(texts, default));
            Assert.Equal(ModelErrorKind.InvalidInput, refusal.Kind);
        }
    }

    [Fact]
    public async Task A_cancelled_call_computes_nothing()
    {
        using var model = new BuiltinEmbeddingModel(new EmbeddingLimits());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await model.EmbedAsync(["text"], new CancellationToken(canceled: true)));
    }

    [Fact]
    public async Task A_text_over_the_token_limit_is_reported_as_truncated()
    {
        using var model = new BuiltinEmbeddingModel(new EmbeddingLimits());
        EmbeddingBatch batch = await model.EmbedAsync(["short", new string('字', model.Info.MaxTokens + 1)], default);
        Assert.Equal(1, batch.TruncatedCount);
        Assert.Equal(model.Info.MaxTokens, batch.Tokens[1]);
    }
}
