using Taishang.Ai.Inference;
using Taishang.Ai.Models;
using Taishang.Testing.Models;

namespace Taishang.Ai.Tests.Inference;

/// <summary>A models folder of its own with the registries over it; gone after the test.</summary>
internal sealed class ModelsWorld : IDisposable
{
    public const int Dimensions = 4;

    // One row a token; the special tokens have vectors too, so that a test sees whether they are counted.
    private static readonly string[] Words =
        ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "green", "blue", "good", "bad", "cafe"];

    public ModelsWorld(Action<ModelOptions>? configure = null)
    {
        Folder = Directory.CreateTempSubdirectory("taishang-models-").FullName;
        Options = new ModelOptions { ModelsFolder = Folder, Threads = 1 };
        configure?.Invoke(Options);
        Files = new OnnxModels(Options);
        Embedding = new EmbeddingModels(
            Options, [new BuiltinProvider(Options), new OnnxProvider(Files, Options)], TimeProvider.System);
        Inference = new InferenceModels(Files, Options);
    }

    public string Folder { get; }

    public ModelOptions Options { get; }

    public OnnxModels Files { get; }

    public EmbeddingModels Embedding { get; }

    public InferenceModels Inference { get; }

    /// <summary>The vectors of the words' tokens: row r is (r, r², 1, -r).</summary>
    public static float[] Table => [.. Enumerable.Range(0, Words.Length).SelectMany(r => (float[])[r, r * r, 1, -r])];

    public static int RowOf(string word) => Array.IndexOf(Words, word);

    public void AddModel(string name, TinyOnnx model, bool vocabulary = true)
    {
        string folder = Directory.CreateDirectory(Path.Combine(Folder, name)).FullName;
        File.WriteAllBytes(Path.Combine(folder, "model.onnx"), model.ToBytes());
        if (vocabulary) File.WriteAllLines(Path.Combine(folder, "vocab.txt"), Words);
    }

    /// <summary>A model that gives the table's row of each token.</summary>
    public static TinyOnnx TokenModel(
        int type = TinyOnnx.Int64, long batch = -1, long length = -1, float[]? table = null) =>
        new TinyOnnx()
            .Table("table", Words.Length, Dimensions, table ?? Table)
            .Input("input_ids", type, batch, length)
            .Input("attention_mask", type, batch, length)
            .Node("Gather", ["table", "input_ids"], "last_hidden_state", "axis", 0)
            .Output("last_hidden_state", TinyOnnx.Float, batch, length, Dimensions);

    /// <summary>A model that gives the mean of the rows, padding included, as one vector a text.</summary>
    public static TinyOnnx SentenceModel(string output = "sentence_embedding", long declared = Dimensions) =>
        new TinyOnnx()
            .Table("table", Words.Length, Dimensions, Table)
            .Input("input_ids", TinyOnnx.Int64, -1, -1)
            .Node("Gather", ["table", "input_ids"], "rows", "axis", 0)
            .Node("ReduceMean", ["rows"], "means", "axes", 1)
            .Node("Squeeze", ["means"], output, "axes", 1)
            .Output(output, TinyOnnx.Float, -1, declared);

    public static ModelReference Reference(string name, string config = "") => new("onnx", name, "1.0.0", "", config);

    public async Task<ModelLease<OnnxModel>> AcquireFileAsync(ModelReference reference) => await Files.AcquireAsync(
        await Files.FindAsync(reference, ModelConfig.Parse(reference), default), default);

    public async Task<EmbeddingBatch> EmbedAsync(string name, string config, params string[] texts) =>
        (await Embedding.EmbedAsync(Reference(name, config), texts, default)).Batch;

    public async Task<ModelException> FailsAsync(string name, string config = "") =>
        await Assert.ThrowsAsync<ModelException>(() => EmbedAsync(name, config, "red"));

    public void Dispose()
    {
        Embedding.Dispose();
        Inference.Dispose();
        Files.Dispose();
        Directory.Delete(Folder, recursive: true);
    }
}
