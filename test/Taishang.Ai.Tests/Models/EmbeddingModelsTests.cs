using Taishang.Ai.Models;
using Taishang.Ai.Tests.Inference;

namespace Taishang.Ai.Tests.Models;

public sealed class EmbeddingModelsTests
{
    [Fact]
    public async Task The_default_model_answers_without_any_file()
    {
        using var world = new ModelsWorld();
        (EmbeddingModelInfo model, EmbeddingBatch batch) =
            await world.Embedding.EmbedAsync(ModelReference.Default, ["text", "文本"], default);
        Assert.Equal(("builtin", "taishang-embed", "1.0.0", 1024),
            (model.Provider, model.Name, model.Version, model.Dimensions));
        Assert.Equal(2 * 1024, batch.Values.Length);
    }

    [Fact]
    public async Task A_registered_name_may_differ_from_the_providers()
    {
        using var world = new ModelsWorld();
        var reference = new ModelReference("builtin", "ours", "1.0.0", "", """{"model":"taishang-embed"}""");
        Assert.Equal("taishang-embed", (await world.Embedding.EmbedAsync(reference, ["x"], default)).Model.Name);
    }

    [Theory]
    [InlineData("cloud", "x", "")]
    [InlineData("builtin", "other", "")]
    [InlineData("builtin", "taishang-embed", "2.0.0")]
    [InlineData("onnx", "", "")]
    public async Task An_unknown_provider_model_or_version_is_refused(string provider, string name, string version)
    {
        using var world = new ModelsWorld();
        ModelException refusal = await Assert.ThrowsAsync<ModelException>(async () =>
            await world.Embedding.EmbedAsync(new ModelReference(provider, name, version), ["x"], default));
        Assert.Equal(ModelErrorKind.UnknownModel, refusal.Kind);
    }

    [Fact]
    public void A_reference_does_not_print_its_configuration()
    {
        var reference = new ModelReference("openai", "m", "1.0.0", "http://x", """{"api_key":"hidden"}""");
        Assert.DoesNotContain("hidden", $"{reference}", StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_test_reports_dimensions_latency_and_checksum()
    {
        using var world = new ModelsWorld();
        world.AddModel("tokens", ModelsWorld.TokenModel());
        ModelTestReport report = await world.Embedding.TestAsync(ModelsWorld.Reference("tokens"), default);
        Assert.True(report.Passed, report.Reason);
        Assert.Equal(ModelsWorld.Dimensions, report.Dimensions);
        Assert.True(report.LatencyMs > 0 && report.LoadMs > 0);
        Assert.Equal("sha256:".Length + 64, report.Checksum.Length);
        Assert.True(report.Normalized);
        var plain = ModelsWorld.Reference("tokens") with { ConfigJson = """{"normalize":false}""" };
        Assert.False((await world.Embedding.TestAsync(plain, default)).Normalized);
        Assert.Null(report.Error);
    }

    [Fact]
    public async Task A_test_that_fails_says_why_and_passes_once_that_is_put_right()
    {
        using var world = new ModelsWorld();
        ModelTestReport absent = await world.Embedding.TestAsync(ModelsWorld.Reference("late"), default);
        Assert.False(absent.Passed);
        Assert.Equal(ModelErrorKind.FileMissing, absent.Error);
        Assert.Contains("late/model.onnx", absent.Reason, StringComparison.Ordinal);

        world.AddModel("late", ModelsWorld.TokenModel(table: new float[ModelsWorld.Table.Length]));
        ModelTestReport zeros = await world.Embedding.TestAsync(ModelsWorld.Reference("late"), default);
        Assert.False(zeros.Passed);
        Assert.Contains("zeros", zeros.Reason, StringComparison.Ordinal);

        world.AddModel("late", ModelsWorld.TokenModel());
        Assert.True((await world.Embedding.TestAsync(ModelsWorld.Reference("late"), default)).Passed);
    }

    [Fact]
    public async Task Embedding_and_inference_of_one_file_share_its_session()
    {
        using var world = new ModelsWorld();
        world.AddModel("tokens", ModelsWorld.TokenModel());
        ModelReference reference = ModelsWorld.Reference("tokens");
        using ModelLease<IEmbeddingModel> embedding = await world.Embedding.AcquireAsync(reference, default);
        using ModelLease<Taishang.Ai.Inference.InferenceModel> inference =
            await world.Inference.AcquireAsync(reference, default);
        Assert.Equal(1, world.Files.LoadedCount);
    }

    [Fact]
    public void Settings_out_of_range_are_named()
    {
        foreach (Action<ModelOptions> spoil in (Action<ModelOptions>[])
        [
            options => options.MaxLoadedModels = 0, options => options.Threads = -1,
            options => options.RemoteTimeoutMs = 1, options => options.AllowedNetworks.Add("somewhere"),
        ])
        {
            var options = new ModelOptions();
            options.Validate();
            spoil(options);
            Assert.Throws<ArgumentException>(options.Validate);
        }
    }
}
