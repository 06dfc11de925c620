using System.Numerics.Tensors;
using Taishang.Ai.Models;
using Taishang.Ai.Tests.Inference;
using Taishang.Testing.Models;

namespace Taishang.Ai.Tests.Embeddings;

public sealed class OnnxEmbeddingModelTests
{
    private const float Tolerance = 1e-5f;

    [Fact]
    public async Task The_mean_leaves_padding_out_and_counts_special_tokens()
    {
        using var world = new ModelsWorld();
        world.AddModel("tokens", ModelsWorld.TokenModel());

        EmbeddingBatch batch = await world.EmbedAsync(
            "tokens", """{"normalize":false}""", "red green blue good bad", "red");

        Assert.Equal([7, 3], batch.Tokens);
        int[] rows = [ModelsWorld.RowOf("[CLS]"), ModelsWorld.RowOf("red"), ModelsWorld.RowOf("[SEP]")];
        Assert.Equal((float)rows.Average(), batch[1].Span[0], Tolerance);
        Assert.Equal((float)rows.Average(row => row * row), batch[1].Span[1], Tolerance);
        Assert.Equal(1, batch[1].Span[2], Tolerance);
    }

    [Fact]
    public async Task Cls_takes_the_first_token()
    {
        using var world = new ModelsWorld();
        world.AddModel("tokens", ModelsWorld.TokenModel());
        EmbeddingBatch batch = await world.EmbedAsync(
            "tokens", """{"pooling":"cls","normalize":false}""", "red", "blue");
        Assert.Equal(batch[0].ToArray(), batch[1].ToArray());
        Assert.Equal(ModelsWorld.RowOf("[CLS]"), batch[0].Span[0]);
    }

    [Fact]
    public async Task Vectors_have_length_one_unless_told_otherwise()
    {
        using var world = new ModelsWorld();
        world.AddModel("sentences", ModelsWorld.SentenceModel());
        EmbeddingBatch batch = await world.EmbedAsync("sentences", "", "red green", "bad");
        for (int row = 0; row < batch.Count; row++) Assert.Equal(1, TensorPrimitives.Norm(batch[row].Span), Tolerance);
    }

    [Fact]
    public async Task Texts_of_any_order_and_number_come_back_in_their_order()
    {
        using var world = new ModelsWorld();
        world.AddModel("tokens", ModelsWorld.TokenModel());
        var random = new Random(7);
        string[] words = ["red", "green", "blue", "good", "bad"];
        string[] texts = [.. Enumerable.Range(0, 200).Select(_ => string.Join(
            ' ', Enumerable.Range(0, random.Next(1, 40)).Select(_ => words[random.Next(words.Length)])))];

        EmbeddingBatch together = await world.EmbedAsync("tokens", "", texts);

        for (int row = 0; row < texts.Length; row += 13)
        {
            EmbeddingBatch alone = await world.EmbedAsync("tokens", "", texts[row]);
            Assert.Equal(1, TensorPrimitives.Dot(alone[0].Span, together[row].Span), Tolerance);
            Assert.Equal(alone.Tokens[0], together.Tokens[row]);
        }
    }

    [Theory]
    [InlineData(6, -1, -1)]
    [InlineData(7, 2, -1)]
    [InlineData(7, -1, 16)]
    [InlineData(6, 2, 16)]
    public async Task Int32_inputs_and_fixed_sizes_give_the_same_vectors(int type, long batch, long length)
    {
        using var world = new ModelsWorld();
        world.AddModel("free", ModelsWorld.TokenModel());
        world.AddModel("fixed", ModelsWorld.TokenModel(type, batch, length));
        string[] texts = ["red", "green blue", "good bad red", "blue blue", "bad"];
        EmbeddingBatch expected = await world.EmbedAsync("free", "", texts);
        EmbeddingBatch actual = await world.EmbedAsync("fixed", "", texts);
        Assert.Equal(expected.Values, actual.Values);
    }

    [Fact]
    public async Task A_long_text_is_cut_at_max_length_and_reported()
    {
        using var world = new ModelsWorld();
        world.AddModel("tokens", ModelsWorld.TokenModel());
        EmbeddingBatch batch = await world.EmbedAsync(
            "tokens", """{"max_length":4}""", "red green blue good", "red green",
            string.Concat(Enumerable.Repeat("red ", 10_000)));
        Assert.Equal([4, 4, 4], batch.Tokens);
        Assert.Equal(2, batch.TruncatedCount);
    }

    [Fact]
    public async Task Lower_case_vocabularies_are_read_without_case_and_accents()
    {
        using var world = new ModelsWorld();
        world.AddModel("tokens", ModelsWorld.TokenModel());
        EmbeddingBatch batch = await world.EmbedAsync("tokens", "", "cafe", "Café", "CAFE\u0301", "ｃａｆｅ");
        for (int row = 1; row < batch.Count; row++) Assert.Equal(batch[0].ToArray(), batch[row].ToArray());
    }

    [Fact]
    public async Task Dimensions_that_the_file_does_not_declare_are_found_by_running_it()
    {
        using var world = new ModelsWorld();
        world.AddModel("free", ModelsWorld.SentenceModel(declared: -1));
        using ModelLease<IEmbeddingModel> lease =
            await world.Embedding.AcquireAsync(ModelsWorld.Reference("free"), default);
        Assert.Equal(ModelsWorld.Dimensions, lease.Value.Info.Dimensions);
        Assert.StartsWith("sha256:", lease.Value.Info.Checksum, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_output_with_another_name_is_found_or_chosen()
    {
        using var world = new ModelsWorld();
        world.AddModel("odd", ModelsWorld.SentenceModel("vector_of_text"));
        Assert.Equal(ModelsWorld.Dimensions, (await world.EmbedAsync("odd", "", "red")).Dimensions);
        Assert.Equal(4, (await world.EmbedAsync("odd", """{"output":"vector_of_text"}""", "red")).Dimensions);
        ModelException refusal = await world.FailsAsync("odd", """{"output":"other"}""");
        Assert.Equal(ModelErrorKind.InvalidConfig, refusal.Kind);
        Assert.Contains("vector_of_text", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"pooling":"max"}""")]
    [InlineData("""{"pooling":"none"}""")]
    [InlineData("""{"max_length":2}""")]
    [InlineData("""{"max_length":"many"}""")]
    [InlineData("""{"normalize":1}""")]
    [InlineData("""{"threads":-1}""")]
    [InlineData("[]")]
    [InlineData("{")]
    public async Task A_wrong_configuration_is_refused_and_named(string config)
    {
        using var world = new ModelsWorld();
        world.AddModel("tokens", ModelsWorld.TokenModel());
        ModelException refusal = await world.FailsAsync("tokens", config);
        Assert.Equal(ModelErrorKind.InvalidConfig, refusal.Kind);
        Assert.StartsWith("config", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Numbers_that_are_not_finite_never_leave_the_model()
    {
        using var world = new ModelsWorld();
        float[] table = ModelsWorld.Table;
        table[ModelsWorld.RowOf("bad") * ModelsWorld.Dimensions] = float.NaN;
        world.AddModel("nan", ModelsWorld.TokenModel(table: table));
        Assert.Equal(1, (await world.EmbedAsync("nan", "", "good")).Count);
        ModelException failure = await Assert.ThrowsAsync<ModelException>(() => world.EmbedAsync("nan", "", "bad"));
        Assert.Equal(ModelErrorKind.RunFailed, failure.Kind);
    }

    [Fact]
    public async Task A_model_that_reads_no_text_is_refused_with_its_inputs()
    {
        using var world = new ModelsWorld();
        world.AddModel("adder", new TinyOnnx()
            .Input("x", TinyOnnx.Float, -1, 2).Input("y", TinyOnnx.Float, -1, 2)
            .Node("Add", ["x", "y"], "sum").Output("sum", TinyOnnx.Float, -1, 2));
        ModelException refusal = await world.FailsAsync("adder");
        Assert.Equal(ModelErrorKind.LoadFailed, refusal.Kind);
        Assert.Contains("x [-1, 2]", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_tokenizer_json_of_word_pieces_reads_like_its_vocabulary()
    {
        using var world = new ModelsWorld();
        world.AddModel("text", ModelsWorld.TokenModel());
        world.AddModel("json", ModelsWorld.TokenModel());
        string folder = Path.Combine(world.Folder, "json");
        string[] words = File.ReadAllLines(Path.Combine(folder, "vocab.txt"));
        File.Delete(Path.Combine(folder, "vocab.txt"));
        string vocabulary = string.Join(',', words.Select((word, id) => $"\"{word}\":{id}"));
        string Json(string type) =>
            $$"""{"normalizer":{"lowercase":true},"model":{"type":"{{type}}","vocab":{ {{vocabulary}} } } }""";
        await File.WriteAllTextAsync(Path.Combine(folder, "tokenizer.json"), Json("WordPiece"));
        EmbeddingBatch expected = await world.EmbedAsync("text", "", "Red green unknown");
        EmbeddingBatch actual = await world.EmbedAsync("json", "", "Red green unknown");
        Assert.Equal(expected.Values, actual.Values);

        await File.WriteAllTextAsync(Path.Combine(folder, "tokenizer.json"), Json("BPE"));
        ModelTestReport report = await world.Embedding.TestAsync(ModelsWorld.Reference("json"), default);
        Assert.Equal(ModelErrorKind.LoadFailed, report.Error);
        Assert.Contains("'BPE' is not supported", report.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cancelled_call_ends_and_the_model_goes_on()
    {
        using var world = new ModelsWorld();
        world.AddModel("tokens", ModelsWorld.TokenModel());
        await world.EmbedAsync("tokens", "", "red");
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await world.Embedding.EmbedAsync(
            ModelsWorld.Reference("tokens"), ["red"], new CancellationToken(canceled: true)));
        Assert.Equal(1, (await world.EmbedAsync("tokens", "", "red")).Count);
    }

    [Fact]
    public async Task The_real_sentence_encoder_passes_its_test_and_reads_long_texts_up_to_its_limit()
    {
        string? folder = RetrievalSet.DataFolder();
        if (folder is null || !Directory.Exists(Path.Combine(folder, "test-model-use-lite")))
            Assert.Skip("test-model-use-lite is not on this machine (TAISHANG_TEST_DATA).");
        using var world = new ModelsWorld(options => options.ModelsFolder = folder);
        // Its file does not say that it takes 128 tokens; loading finds out.
        ModelReference reference = ModelsWorld.Reference("test-model-use-lite");
        ModelTestReport report = await world.Embedding.TestAsync(reference, default);
        Assert.True(report.Passed, report.Reason);
        Assert.Equal((512, 128), (report.Dimensions, report.MaxTokens));
        EmbeddingBatch batch = await world.EmbedAsync(
            "test-model-use-lite", reference.ConfigJson, string.Join(' ', Enumerable.Repeat("word", 2_000)), "word");
        Assert.Equal(128, batch.Tokens[0]);
        Assert.Equal(1, batch.TruncatedCount);

        ModelReference wrong = ModelsWorld.Reference("test-model-use-lite", """{"max_length":200}""");
        ModelTestReport refused = await world.Embedding.TestAsync(wrong, default);
        Assert.Equal(ModelErrorKind.LoadFailed, refused.Error);
        Assert.Contains("200 tokens (max_length)", refused.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("xquad-en-chunk", 0.757)]
    [InlineData("cranfield", 0.185)]
    public async Task The_real_sentence_encoder_reaches_its_measured_quality(string name, double least)
    {
        RetrievalSet? set = RetrievalSet.Find(name);
        string? folder = RetrievalSet.DataFolder();
        if (set is null || folder is null || !Directory.Exists(Path.Combine(folder, "test-model-use-lite")))
            Assert.Skip($"The test data '{name}' or test-model-use-lite is not on this machine (TAISHANG_TEST_DATA).");
        using var world = new ModelsWorld(options =>
        {
            options.ModelsFolder = folder;
            options.Threads = 0;
        });
        const string Config = "";
        EmbeddingBatch documents = await world.EmbedAsync(
            "test-model-use-lite", Config, [.. set.Corpus.Select(row => row.Value)]);
        EmbeddingBatch queries = await world.EmbedAsync(
            "test-model-use-lite", Config, [.. set.Queries.Select(row => row.Value)]);
        Assert.Equal(512, documents.Dimensions);
        double figure = set.Judge(documents.Values, queries.Values, documents.Dimensions);
        Assert.True(figure >= least, $"nDCG@10 on {name} is {figure:F4}, at least {least} is expected.");
    }
}
