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

    public required string IdsInput { get; init; }

    public required string? MaskInput { get; init; }

    public required string? TypesInput { get; init; }

    public required TensorDescription Output { get; init; }

    public required Pooling Pooling { get; init; }

    public required bool Normalize { get; init; }

    /// <summary>Tokens of a text that are read, special tokens included.</summary>
    public required int MaxTokens { get; init; }

    /// <summary>Length that every batch is padded to, if the model takes no other; else 0.</summary>
    public required int FixedLength { get; init; }

    /// <summary>Texts in every batch, if the model takes no other number; else 0.</summary>
    public required int FixedBatch { get; init; }

    /// <summary>Finds out how <paramref name="model"/> is to be used.</summary>
    /// <exception cref="ModelException">LoadFailed if it is no text-embedding model, InvalidConfig if it
    /// contradicts.</exception>
    public static OnnxEmbeddingSettings Find(OnnxModel model, ModelConfig config)
    {
        TensorDescription ids = Input(model, config.Text("ids_input", "input_ids"))
            ?? throw Failed($"it has no input of token ids; its inputs are {Names(model.Inputs)}");
        TensorDescription? mask = Input(model, config.Text("mask_input", "attention_mask"));
        TensorDescription? types = Input(model, config.Text("types_input", "token_type_ids"));
        foreach (TensorDescription input in model.Inputs)
        {
            if (input != ids && input != mask && input != types)
                throw Failed($"its input '{input.Name}' is not one that text embedding knows");
            if (input.Shape.Count != 2 || input.Type is not (TensorType.Int64 or TensorType.Int32))
                throw Failed($"its input '{input.Name}' is not a table of whole numbers");
        }
        TensorDescription output = FindOutput(model, config);
        Pooling pooling = config.Choice("pooling", output.Shape.Count == 2 ? Pooling.None : Pooling.Mean);
        if (pooling == Pooling.None != (output.Shape.Count == 2))
        {
            throw new ModelException(ModelErrorKind.InvalidConfig,
                $"config.pooling: '{output.Name}' gives {(output.Shape.Count == 2 ? "one vector a text (none)" :
                "a vector a token (mean or cls)")}, {pooling.ToString().ToLowerInvariant()} was asked for.");
        }
        int fixedLength = (int)Math.Max(0, ids.Shape[1]);
        int longest = fixedLength > 0 ? fixedLength : MaxMaxTokens;
        return new OnnxEmbeddingSettings
        {
            IdsInput = ids.Name,
            MaskInput = mask?.Name,
            TypesInput = types?.Name,
            Output = output,
            Pooling = pooling,
            Normalize = config.Flag("normalize") ?? true,
            MaxTokens = config.Number("max_length", 3, longest)
                ?? (fixedLength > 0 ? fixedLength : Math.Min(DefaultMaxTokens, longest)),
            FixedLength = fixedLength,
            FixedBatch = (int)Math.Max(0, ids.Shape[0]),
        };
    }

    private static TensorDescription FindOutput(OnnxModel model, ModelConfig config)
    {
        string named = config.Text("output", "");
        if (named.Length > 0)
        {
            return Usable(model).FirstOrDefault(output => output.Name == named) ?? throw new ModelException(
                ModelErrorKind.InvalidConfig,
                $"config.output: one of {Names(Usable(model))} is expected, '{named}' came.");
        }
        foreach (string name in SentenceOutputs.Concat(TokenOutputs))
        {
            if (Usable(model).FirstOrDefault(output => output.Name == name) is { } known) return known;
        }
        return Usable(model).FirstOrDefault()
            ?? throw Failed($"it gives no vectors of float32; its outputs are {Names(model.Outputs)}");
    }

    private static IEnumerable<TensorDescription> Usable(OnnxModel model) => model.Outputs
        .Where(output => output.Type == TensorType.Float32 && output.Shape.Count is 2 or 3);

    private static TensorDescription? Input(OnnxModel model, string name) =>
        model.Inputs.FirstOrDefault(input => input.Name == name);

    private static string Names(IEnumerable<TensorDescription> tensors) =>
        string.Join(", ", tensors.Select(tensor => $"{tensor.Name} [{string.Join(", ", tensor.Shape)}]"));

    private static ModelException Failed(string reason) =>
        new(ModelErrorKind.LoadFailed, $"model: it can not embed text: {reason}.");
}
