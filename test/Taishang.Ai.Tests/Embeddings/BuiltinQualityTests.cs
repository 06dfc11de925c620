using Taishang.Ai.Embeddings;
using Taishang.Ai.Models;
using Xunit;

namespace Taishang.Ai.Tests.Embeddings;

public sealed class BuiltinQualityTests
{
    // The least nDCG@10 that the embedder may have, and the figure that version 1.0.0 was measured at is above each.
    [Theory]
    [InlineData("xquad-en", 0.930)]
    [InlineData("xquad-zh", 0.904)]
    [InlineData("xquad-en-chunk", 0.811)]
    [InlineData("xquad-zh-chunk", 0.787)]
    [InlineData("xquad-zh2en", 0.104)]
    [InlineData("xquad-en2zh", 0.133)]
    [InlineData("cmrc2018-dev-chunk", 0.763)]
    [InlineData("cranfield", 0.327)]
    public async Task Retrieval_reaches_its_figure(string name, double least)
    {
        RetrievalSet? set = RetrievalSet.Find(name);
        if (set is null) Assert.Skip($"The test data '{name}' is not on this machine (TAISHANG_TEST_DATA).");

        using var model = new BuiltinEmbeddingModel(new EmbeddingLimits());
        EmbeddingBatch documents = await model.EmbedAsync([.. set.Corpus.Select(row => row.Value)], default);
        EmbeddingBatch queries = await model.EmbedAsync([.. set.Queries.Select(row => row.Value)], default);
        double figure = set.Judge(documents.Values, queries.Values, documents.Dimensions);

        Assert.True(figure >= least, $"nDCG@10 on {name} is {figure:F4}, at least {least} is expected.");
    }
}
