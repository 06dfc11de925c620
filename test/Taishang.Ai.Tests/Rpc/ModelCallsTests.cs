using Grpc.Core;
using Taishang.Ai.Tests.Inference;
using Taishang.Contracts.Ai.V1;
using Taishang.Testing.Models;
using Taishang.Testing.Processes;

namespace Taishang.Ai.Tests.Rpc;

public sealed class ModelCallsTests : IDisposable
{
    private static readonly ModelSpec Builtin =
        new() { Name = "taishang-embed", Provider = "builtin", Version = "1.0.0" };

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Texts_become_one_vector_each_with_dims_and_tokens()
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        var answer = await worker.Client.ComputeEmbeddingAsync(
            new ComputeEmbeddingRequest { Model = Builtin, Texts = { "a red fox", "一只红狐狸", "a red fox" } });
        Assert.Equal(3, answer.Embeddings.Count);
        Assert.Equal(1024, answer.Dims);
        Assert.All(answer.Embeddings, embedding => Assert.Equal(1024, embedding.Values.Count));
        Assert.Equal(answer.Embeddings[0], answer.Embeddings[2]);
        Assert.NotEqual(answer.Embeddings[0], answer.Embeddings[1]);
        Assert.True(answer.Tokens > 0);
    }

    [Fact]
    public async Task What_a_model_can_not_take_or_be_is_refused_by_its_code()
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        async Task RefusedAsync(ErrorCode code, string field, ModelSpec? model, params string[] texts) =>
            await Refusal.ExpectAsync(code, field, async () => await worker.Client.ComputeEmbeddingAsync(
                new ComputeEmbeddingRequest { Model = model, Texts = { texts } }));

        await RefusedAsync(ErrorCode.InvalidArgument, "model", null, "text");
        await RefusedAsync(ErrorCode.ModelInputInvalid, "texts", Builtin);
        await RefusedAsync(ErrorCode.ModelInputInvalid, "texts[1]", Builtin, "text", "  ");
        await RefusedAsync(
            ErrorCode.ModelNotLoaded, "model", new ModelSpec { Name = "x", Provider = "nobody" }, "text");
        await RefusedAsync(ErrorCode.ModelNotLoaded, "model", new ModelSpec { Name = "x", Provider = "onnx" }, "text");
        await RefusedAsync(
            ErrorCode.ModelEndpointForbidden, "model", new ModelSpec { Name = "../x", Provider = "onnx" }, "text");
        await RefusedAsync(
            ErrorCode.InvalidArgument, "model",
            new ModelSpec { Name = "x", Provider = "onnx", ConfigJson = "[" }, "text");
        await RefusedAsync(
            ErrorCode.ModelEndpointForbidden, "model",
            new ModelSpec { Name = "x", Provider = "openai", Endpoint = "http://169.254.169.254/v1" }, "text");
        var closed = $"http://127.0.0.1:{LoopbackPort.Free()}";
        await RefusedAsync(
            ErrorCode.ModelUpstreamFailed, "model",
            new ModelSpec { Name = "x", Provider = "openai", Endpoint = closed },
            "text");
    }

    [Fact]
    public async Task Tensors_go_through_a_model_and_come_back_typed()
    {
        await using var worker = await StartWithAdderAsync();
        var answer = await worker.Client.InferenceModelAsync(new InferenceModelRequest
        {
            Model = Onnx("adder"),
            Tensors = new TensorInput { Tensors = { Floats("x", 1, 2), Floats("y", 10, 20) } },
        });
        var sum = Assert.Single(answer.Tensors);
        Assert.Equal(("sum", TensorType.Float32), (sum.Name, sum.Type));
        Assert.Equal([1L, 2L], sum.Shape);
        Assert.Equal([11f, 22f], sum.Floats);
    }

    [Fact]
    public async Task Tensors_that_break_a_rule_are_refused_by_their_field()
    {
        await using var worker = await StartWithAdderAsync();
        async Task RefusedAsync(string field, params Tensor[] tensors) =>
            await Refusal.ExpectAsync(ErrorCode.ModelInputInvalid, field, async () =>
                await worker.Client.InferenceModelAsync(new InferenceModelRequest
                {
                    Model = Onnx("adder"),
                    Tensors = new TensorInput { Tensors = { tensors } },
                }));

        await RefusedAsync("tensors");
        await RefusedAsync("tensors[0].name", new Tensor { Type = TensorType.Float32 });
        await RefusedAsync("tensors[0].type", new Tensor { Name = "x" });
        await RefusedAsync(
            "tensors[0].integers[0]", new Tensor { Name = "x", Type = TensorType.Int32, Integers = { 1L << 40 } });
        await RefusedAsync(
            "tensors[0].integers[0]", new Tensor { Name = "x", Type = TensorType.Bool, Integers = { 2 } });
        await RefusedAsync("texts", Floats("x", 1, 2));
        await Refusal.ExpectAsync(ErrorCode.ModelInputInvalid, "input", async () =>
            await worker.Client.InferenceModelAsync(new InferenceModelRequest { Model = Onnx("adder") }));
    }

    [Fact]
    public async Task A_test_says_what_a_model_is_and_that_it_works()
    {
        await using var worker = await StartWithAdderAsync();
        var builtin = await worker.Client.TestModelAsync(new TestModelRequest { Model = Builtin });
        Assert.True(builtin.Passed, builtin.Reason);
        Assert.Equal(("embedding", 1024), (builtin.Kind, builtin.Dims));

        var adder = await worker.Client.TestModelAsync(new TestModelRequest { Model = Onnx("adder") });
        Assert.True(adder.Passed, adder.Reason);
        Assert.Equal("tensors", adder.Kind);
        Assert.Matches("^[0-9a-f]{64}$", adder.Checksum);
    }

    [Theory]
    [InlineData("", "model.onnx")]
    [InlineData("""{"task":"dance"}""", "config.task")]
    [InlineData("[]", "config")]
    public async Task A_test_that_fails_is_an_answer_with_its_reason(string config, string reason)
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        var model = Onnx("absent");
        model.ConfigJson = config;
        var answer = await worker.Client.TestModelAsync(new TestModelRequest { Model = model });
        Assert.False(answer.Passed);
        Assert.Contains(reason, answer.Reason);
    }

    private static ModelSpec Onnx(string name) => new() { Name = name, Provider = "onnx" };

    private static Tensor Floats(string name, params float[] values) => new()
    {
        Name = name,
        Type = TensorType.Float32,
        Shape = { 1, values.Length },
        Floats = { values },
    };

    private async Task<WorkerHost> StartWithAdderAsync()
    {
        var folder = Directory.CreateDirectory(Path.Combine(_folder.Path, "models", "adder")).FullName;
        await File.WriteAllBytesAsync(Path.Combine(folder, "model.onnx"), new TinyOnnx()
            .Input("x", TinyOnnx.Float, -1, 2).Input("y", TinyOnnx.Float, -1, 2)
            .Node("Add", ["x", "y"], "sum").Output("sum", TinyOnnx.Float, -1, 2).ToBytes());
        return await WorkerHost.StartAsync(_folder.Path);
    }
}
