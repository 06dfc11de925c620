using Taishang.Ai.Inference;
using Taishang.Ai.Models;

namespace Taishang.Ai.Embeddings;

/// <summary>
/// How one ONNX model is used for embedding: found out from what the model declares, and overruled by its
/// configuration: pooling (mean, cls, none), normalize, max_length, output, and the names of the inputs.
/// </summary>
internal sealed record OnnxEmbeddingSettings
{
    /// <summary>Tokens of a text that are read where neither model nor configuration says.</summary>
    public const int DefaultMaxTokens = 512;

    private const int MaxMaxTokens = 32_768;
    private static readonly string[] SentenceOutputs =
        ["sentence_embedding", "text_embeds", "pooler_output", "embeddings"];
    private static readonly string[] TokenOutputs = ["last_hidden_state", "token_embeddings"];

    public required TextShape Shape { get; init; }

    public required Pooling Pooling { get; init; }

    public required bool Normalize { get; init; }

    /// <summary>Tokens of a text that are read, special tokens included.</summary>
    public required int MaxTokens { get; init; }

    /// <summary>Finds out how <paramref name="model"/> is to be used.</summary>
    /// <exception cref="ModelException">LoadFailed if it is no text-embedding model, InvalidConfig if it
    /// contradicts.</exception>
    public static OnnxEmbeddingSettings Find(OnnxModel model, ModelConfig config)
    {
        TensorDescription output = FindOutput(model, config);
        TextShape shape = TextShape.Find(model.Inputs, output, config, Failed);
        Pooling pooling = config.Choice("pooling", output.Shape.Count == 2 ? Pooling.None : Pooling.Mean);
        if (pooling == Pooling.None != (output.Shape.Count == 2))
        {
            throw new ModelException(ModelErrorKind.InvalidConfig,
                $"config.pooling: '{output.Name}' gives {(output.Shape.Count == 2 ? "one vector a text (none)" :
                "a vector a token (mean or cls)")}, {pooling.ToString().ToLowerInvariant()} was asked for.");
        }
        int fixedLength = shape.FixedLength;
        int longest = fixedLength > 0 ? fixedLength : MaxMaxTokens;
        return new OnnxEmbeddingSettings
        {
            Shape = shape,
            Pooling = pooling,
            Normalize = config.Flag("normalize") ?? true,
            MaxTokens = config.Number("max_length", 3, longest)
                ?? (fixedLength > 0 ? fixedLength : Math.Min(DefaultMaxTokens, longest)),
        };
    }

    private static TensorDescription FindOutput(OnnxModel model, ModelConfig config)
    {
        string named = config.Text("output", "");
        if (named.Length > 0)
        {
            return Usable(model).FirstOrDefault(output => output.Name == named) ?? throw new ModelException(
                ModelErrorKind.InvalidConfig,
                $"config.output: one of {TextShape.Names(Usable(model))} is expected, '{named}' came.");
        }
        foreach (string name in SentenceOutputs.Concat(TokenOutputs))
        {
            if (Usable(model).FirstOrDefault(output => output.Name == name) is { } known) return known;
        }
        return Usable(model).FirstOrDefault()
            ?? throw Failed($"it gives no vectors of float32; its outputs are {TextShape.Names(model.Outputs)}");
    }

    private static IEnumerable<TensorDescription> Usable(OnnxModel model) => model.Outputs
        .Where(output => output.Type == TensorType.Float32 && output.Shape.Count is 2 or 3);

    private static ModelException Failed(string reason) =>
        new(ModelErrorKind.LoadFailed, $"model: it can not embed text: {reason}.");
}
