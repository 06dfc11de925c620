using Taishang.Testing.Models;

namespace Taishang.Bench.Onnx;

/// <summary>
/// An encoder of the usual kind (embedding of tokens and positions, self-attention with a mask, feed-forward with
/// GELU, layer norms) with seeded random weights: the shapes and operators of a small sentence model, without its
/// training.
/// </summary>
/// <param name="Layers">Blocks of attention and feed-forward.</param>
/// <param name="Width">Numbers of each token's vector; a multiple of <paramref name="Heads"/>.</param>
/// <param name="Heads">Heads of attention.</param>
/// <param name="Words">Entries of the vocabulary.</param>
/// <param name="Positions">Tokens of the longest text.</param>
internal sealed record TransformerFile(int Layers, int Width, int Heads, int Words, int Positions)
{
    private const int Seed = 384;
    private const int FeedForwardFactor = 4;
    private const int OnnxFloat = 1;
    private const float Masked = -10_000;
    private const float Epsilon = 1e-12f;

    public byte[] ToBytes()
    {
        var random = new Random(Seed);
        var model = new TinyOnnx();
        model.Input("input_ids", TinyOnnx.Int64, -1, -1).Input("attention_mask", TinyOnnx.Int64, -1, -1);
        Constants(model);
        Weights(model, random, "words", Words, Width);
        Weights(model, random, "positions", Positions, Width);
        model.Node("Gather", ["words", "input_ids"], "word_rows", "axis", 0);
        // Positions are counted by the mask's running sum, which needs no shape arithmetic.
        model.Node("CumSum", ["attention_mask", "axis_1"], "counted")
            .Node("Sub", ["counted", "one"], "places").Node("Max", ["places", "zero"], "place_ids")
            .Node("Gather", ["positions", "place_ids"], "place_rows", "axis", 0)
            .Node("Add", ["word_rows", "place_rows"], "embedded");
        model.Node("Cast", ["attention_mask"], "mask_float", "to", OnnxFloat)
            .Node("Sub", ["unit", "mask_float"], "absent").Node("Mul", ["absent", "masked"], "mask_rows")
            .Node("Unsqueeze", ["mask_rows"], "mask_bias", "axes", 1, 2);
        string rows = Norm(model, random, "embedded", "norm_in");
        for (int layer = 0; layer < Layers; layer++) rows = Layer(model, random, rows, $"l{layer}");
        model.Node("Identity", [rows], "last_hidden_state")
            .Output("last_hidden_state", TinyOnnx.Float, -1, -1, Width);
        return model.ToBytes();
    }

    private void Constants(TinyOnnx model) => model
        .Floats("unit", [1], [1]).Floats("half", [1], [0.5f]).Floats("two", [1], [2])
        .Floats("root_two", [1], [MathF.Sqrt(2)]).Floats("masked", [1], [Masked]).Floats("epsilon", [1], [Epsilon])
        .Floats("head_scale", [1], [MathF.Sqrt(Width / Heads)])
        .Wholes("one", 1).Wholes("zero", 0).Wholes("axis_1", 1)
        .Wholes("to_heads", 0, 0, Heads, Width / Heads).Wholes("to_rows", 0, 0, Width);

    private string Layer(TinyOnnx model, Random random, string rows, string name)
    {
        foreach (string part in (string[])["q", "k", "v"])
        {
            string projected = Linear(model, random, rows, $"{name}_{part}", Width, Width);
            model.Node("Reshape", [projected, "to_heads"], $"{projected}_heads");
            // Keys are turned once more, so that the product is over their own numbers.
            long[] order = part == "k" ? [0, 2, 3, 1] : [0, 2, 1, 3];
            model.Node("Transpose", [$"{projected}_heads"], $"{name}_{part}_turned", "perm", order);
        }
        model.Node("MatMul", [$"{name}_q_turned", $"{name}_k_turned"], $"{name}_products")
            .Node("Div", [$"{name}_products", "head_scale"], $"{name}_scores")
            .Node("Add", [$"{name}_scores", "mask_bias"], $"{name}_biased")
            .Node("Softmax", [$"{name}_biased"], $"{name}_shares", "axis", 3)
            .Node("MatMul", [$"{name}_shares", $"{name}_v_turned"], $"{name}_mixed")
            .Node("Transpose", [$"{name}_mixed"], $"{name}_back", "perm", 0, 2, 1, 3)
            .Node("Reshape", [$"{name}_back", "to_rows"], $"{name}_joined");
        string attended = Linear(model, random, $"{name}_joined", $"{name}_out", Width, Width);
        model.Node("Add", [attended, rows], $"{name}_sum");
        string middle = Norm(model, random, $"{name}_sum", $"{name}_norm");
        string wide = Linear(model, random, middle, $"{name}_up", Width, Width * FeedForwardFactor);
        model.Node("Div", [wide, "root_two"], $"{name}_scaled").Node("Erf", [$"{name}_scaled"], $"{name}_erf")
            .Node("Add", [$"{name}_erf", "unit"], $"{name}_gate").Node("Mul", [wide, $"{name}_gate"], $"{name}_gated")
            .Node("Mul", [$"{name}_gated", "half"], $"{name}_gelu");
        string narrow = Linear(model, random, $"{name}_gelu", $"{name}_down", Width * FeedForwardFactor, Width);
        model.Node("Add", [narrow, middle], $"{name}_sum2");
        return Norm(model, random, $"{name}_sum2", $"{name}_norm2");
    }

    private static string Linear(TinyOnnx model, Random random, string rows, string name, int from, int to)
    {
        Weights(model, random, $"{name}_weights", from, to);
        model.Floats($"{name}_bias", [to], new float[to]);
        model.Node("MatMul", [rows, $"{name}_weights"], $"{name}_product")
            .Node("Add", [$"{name}_product", $"{name}_bias"], name);
        return name;
    }

    // Spelled out, as exporters do; the runtime melts it into one operator.
    private string Norm(TinyOnnx model, Random random, string rows, string name)
    {
        model.Floats($"{name}_scale", [Width], [.. Enumerable.Range(0, Width).Select(_ => 0.5f + random.NextSingle())])
            .Floats($"{name}_shift", [Width], new float[Width]);
        model.Node("ReduceMean", [rows], $"{name}_mean", "axes", -1)
            .Node("Sub", [rows, $"{name}_mean"], $"{name}_centred")
            .Node("Pow", [$"{name}_centred", "two"], $"{name}_squares")
            .Node("ReduceMean", [$"{name}_squares"], $"{name}_variance", "axes", -1)
            .Node("Add", [$"{name}_variance", "epsilon"], $"{name}_safe")
            .Node("Sqrt", [$"{name}_safe"], $"{name}_deviation")
            .Node("Div", [$"{name}_centred", $"{name}_deviation"], $"{name}_unit")
            .Node("Mul", [$"{name}_unit", $"{name}_scale"], $"{name}_scaled")
            .Node("Add", [$"{name}_scaled", $"{name}_shift"], name);
        return name;
    }

    private static void Weights(TinyOnnx model, Random random, string name, int rows, int columns)
    {
        float scale = 1 / MathF.Sqrt(rows);
        float[] values = new float[rows * columns];
        for (int i = 0; i < values.Length; i++) values[i] = ((random.NextSingle() * 2) - 1) * scale;
        model.Table(name, rows, columns, values);
    }
}
