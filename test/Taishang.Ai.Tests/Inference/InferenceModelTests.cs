using System.Runtime.InteropServices;
using Taishang.Ai.Inference;
using Taishang.Ai.Models;
using Taishang.Testing.Models;

namespace Taishang.Ai.Tests.Inference;

public sealed class InferenceModelTests
{
    private const float Tolerance = 1e-5f;

    [Fact]
    public async Task Tensors_go_in_and_out_by_name()
    {
        using ModelsWorld world = Adder();
        IReadOnlyList<InferenceTensor> outputs = await world.Inference.RunAsync(
            ModelsWorld.Reference("adder"), [Floats("x", [1, 2], 1, 2), Floats("y", [1, 2], 10, 20)], [], default);
        InferenceTensor sum = Assert.Single(outputs);
        Assert.Equal("sum", sum.Name);
        Assert.Equal([1, 2], sum.Shape);
        Assert.Equal([11f, 22f], MemoryMarshal.Cast<byte, float>(sum.Data.Span).ToArray());
    }

    [Fact]
    public async Task A_model_describes_what_it_takes_and_gives()
    {
        using ModelsWorld world = Adder();
        using ModelLease<InferenceModel> lease =
            await world.Inference.AcquireAsync(ModelsWorld.Reference("adder"), default);
        Assert.Equal(["x", "y"], lease.Value.Inputs.Select(input => input.Name).Order(StringComparer.Ordinal));
        Assert.Equal([-1L, 2L], lease.Value.Inputs[0].Shape);
        Assert.Equal(TensorType.Float32, lease.Value.Outputs[0].Type);
        Assert.StartsWith("sha256:", lease.Value.Checksum, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("missing", "'y' is expected once")]
    [InlineData("twice", "'x' is expected once")]
    [InlineData("unknown", "'z' is not among")]
    [InlineData("type", "type Float32 is expected, Int64 came")]
    [InlineData("shape", "shape [any, 2] is expected, [1, 3] came")]
    [InlineData("rank", "shape [any, 2] is expected, [2] came")]
    [InlineData("zero", "shape [any, 2] is expected, [0, 2] came")]
    [InlineData("bytes", "8 bytes are expected for its shape, 4 came")]
    [InlineData("huge", "at most")]
    [InlineData("output", "'other' is not among sum")]
    public async Task What_does_not_fit_the_model_is_refused_by_name(string fault, string message)
    {
        using ModelsWorld world = Adder();
        InferenceTensor x = Floats("x", [1, 2], 1, 2);
        InferenceTensor y = Floats("y", [1, 2], 1, 2);
        InferenceTensor[] inputs = fault switch
        {
            "missing" => [x],
            "twice" => [x, x, y],
            "unknown" => [x, y, Floats("z", [1, 2], 1, 2)],
            "type" => [x with { Type = TensorType.Int64 }, y],
            "shape" => [Floats("x", [1, 3], 1, 2, 3), y],
            "rank" => [Floats("x", [2], 1, 2), y],
            "zero" => [Floats("x", [0, 2]), y],
            "bytes" => [x with { Data = x.Data[..4] }, y],
            "huge" => [Floats("x", [long.MaxValue, 2], 1, 2), y],
            _ => [x, y],
        };
        ModelException refusal = await Assert.ThrowsAsync<ModelException>(() => world.Inference.RunAsync(
            ModelsWorld.Reference("adder"), inputs, fault == "output" ? ["other"] : [], default));
        Assert.Equal(ModelErrorKind.InvalidInput, refusal.Kind);
        Assert.Contains(message, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_model_that_fails_while_it_runs_says_so()
    {
        using ModelsWorld world = Adder();
        ModelException failure = await Assert.ThrowsAsync<ModelException>(() => world.Inference.RunAsync(
            ModelsWorld.Reference("adder"), [Floats("x", [2, 2], 1, 2, 3, 4), Floats("y", [3, 2], 1, 2, 3, 4, 5, 6)],
            [], default));
        Assert.Equal(ModelErrorKind.RunFailed, failure.Kind);
    }

    [Fact]
    public async Task A_classifier_labels_texts_with_certainties_that_add_up()
    {
        using ModelsWorld world = Classifier();
        Classification result = await world.Inference.ClassifyAsync(
            ModelsWorld.Reference("mood", """{"labels":["happy","sad"]}"""), ["good good red", "bad"], default);
        Assert.Equal("happy", result.Texts[0][0].Label);
        Assert.Equal("sad", result.Texts[1][0].Label);
        Assert.All(result.Texts, text => Assert.Equal(1, text.Sum(label => label.Score), Tolerance));
        Assert.Equal(MathF.Exp(2) / (MathF.Exp(2) + MathF.Exp(-2)), result.Texts[0][0].Score, Tolerance);
        Assert.Equal([5, 3], result.Tokens);
    }

    [Fact]
    public async Task Labels_without_names_are_numbered_and_each_may_hold_by_itself()
    {
        using ModelsWorld world = Classifier();
        Classification result = await world.Inference.ClassifyAsync(
            ModelsWorld.Reference("mood", """{"activation":"sigmoid"}"""), ["good"], default);
        Assert.Equal(["LABEL_0", "LABEL_1"], result.Texts[0].Select(label => label.Label));
        Assert.Equal(1 / (1 + MathF.Exp(-1)), result.Texts[0][0].Score, Tolerance);
    }

    [Theory]
    [InlineData("mood", """{"labels":["one"]}""")]
    [InlineData("mood", """{"output":"other"}""")]
    [InlineData("adder", "")]
    public async Task A_model_that_can_not_classify_as_asked_is_refused(string name, string config)
    {
        using ModelsWorld world = Classifier();
        AddAdder(world);
        ModelException refusal = await Assert.ThrowsAsync<ModelException>(
            () => world.Inference.ClassifyAsync(ModelsWorld.Reference(name, config), ["good"], default));
        Assert.Equal(ModelErrorKind.InvalidConfig, refusal.Kind);
    }

    [Fact]
    public async Task Calls_beyond_the_queue_are_refused_as_busy_and_the_others_answered()
    {
        using var world = new ModelsWorld(options =>
        {
            options.MaxConcurrentCalls = 1;
            options.MaxQueuedCalls = 1;
        });
        world.AddModel("tokens", ModelsWorld.TokenModel());
        using ModelLease<OnnxModel> lease = await world.AcquireFileAsync(ModelsWorld.Reference("tokens"));
        using var inside = new SemaphoreSlim(0);
        using var gate = new ManualResetEventSlim();
        Task<int> first = Run(lease.Value, () =>
        {
            inside.Release();
            gate.Wait(TimeSpan.FromSeconds(20));
            return 1;
        });
        Assert.True(await inside.WaitAsync(TimeSpan.FromSeconds(20)));
        Task<int> second = Run(lease.Value, () => 2);
        ModelException busy = await Assert.ThrowsAsync<ModelException>(() => Run(lease.Value, () => 3));
        Assert.Equal(ModelErrorKind.Busy, busy.Kind);
        gate.Set();
        Assert.Equal(1, await first);
        Assert.Equal(2, await second);
    }

    private static Task<int> Run(OnnxModel model, Func<int> read)
    {
        var inputs = new Dictionary<string, Microsoft.ML.OnnxRuntime.OrtValue>();
        foreach (string name in (string[])["input_ids", "attention_mask"])
            inputs[name] = Microsoft.ML.OnnxRuntime.OrtValue.CreateTensorValueFromMemory(new long[] { 1 }, [1, 1]);
        return model.RunAsync(inputs, ["last_hidden_state"], _ => read(), default);
    }

    private static InferenceTensor Floats(string name, long[] shape, params float[] values) =>
        new(name, TensorType.Float32, shape, MemoryMarshal.AsBytes(values.AsSpan()).ToArray());

    private static ModelsWorld Adder()
    {
        var world = new ModelsWorld();
        AddAdder(world);
        return world;
    }

    private static void AddAdder(ModelsWorld world) => world.AddModel("adder", new TinyOnnx()
        .Input("x", TinyOnnx.Float, -1, 2).Input("y", TinyOnnx.Float, -1, 2)
        .Node("Add", ["x", "y"], "sum").Output("sum", TinyOnnx.Float, -1, 2), vocabulary: false);

    // Each "good" counts for the first label and against the second, each "bad" the other way round.
    private static ModelsWorld Classifier()
    {
        var world = new ModelsWorld();
        int words = ModelsWorld.Table.Length / ModelsWorld.Dimensions;
        float[] votes = new float[words * 2];
        foreach ((string word, float vote) in (ReadOnlySpan<(string, float)>)[("good", 1), ("bad", -1)])
        {
            votes[ModelsWorld.RowOf(word) * 2] = vote;
            votes[(ModelsWorld.RowOf(word) * 2) + 1] = -vote;
        }
        world.AddModel("mood", new TinyOnnx()
            .Table("votes", words, 2, votes)
            .Input("input_ids", TinyOnnx.Int64, -1, -1)
            .Node("Gather", ["votes", "input_ids"], "rows", "axis", 0)
            .Node("ReduceSum", ["rows"], "sums", "axes", 1)
            .Node("Squeeze", ["sums"], "logits", "axes", 1)
            .Output("logits", TinyOnnx.Float, -1, 2));
        return world;
    }
}
