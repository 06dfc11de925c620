using Taishang.Ai.Models;

namespace Taishang.Ai.Inference;

/// <summary>
/// How texts go into an ONNX model: which inputs take the ids, the mask and the types, and the sizes that it insists
/// on. Found out from what the model declares; the configuration may name the inputs.
/// </summary>
internal sealed record TextShape
{
    public required TensorDescription Ids { get; init; }

    public required TensorDescription? Mask { get; init; }

    public required TensorDescription? Types { get; init; }

    /// <summary>Output that is read.</summary>
    public required TensorDescription Output { get; init; }

    /// <summary>Length that every batch is padded to, if the model takes no other; else 0.</summary>
    public int FixedLength => (int)Math.Max(0, Ids.Shape[1]);

    /// <summary>Texts in every batch, if the model takes no other number; else 0.</summary>
    public int FixedBatch => (int)Math.Max(0, Ids.Shape[0]);

    /// <summary>
    /// Whether texts of different lengths may share a batch. A model without a mask would read the padding as text.
    /// </summary>
    public bool MixesLengths => Mask is not null || FixedLength > 0;

    /// <exception cref="ModelException">The model takes no text; <paramref name="failed"/> makes it of the
    /// reason.</exception>
    public static TextShape Find(
        IReadOnlyList<TensorDescription> inputs, TensorDescription output, ModelConfig config,
        Func<string, ModelException> failed)
    {
        TensorDescription ids = Input(inputs, config.Text("ids_input", "input_ids"))
            ?? throw failed($"it has no input of token ids; its inputs are {Names(inputs)}");
        TensorDescription? mask = Input(inputs, config.Text("mask_input", "attention_mask"));
        TensorDescription? types = Input(inputs, config.Text("types_input", "token_type_ids"));
        foreach (TensorDescription input in inputs)
        {
            if (input != ids && input != mask && input != types)
                throw failed($"its input '{input.Name}' is not one that text is put into");
            if (input.Shape.Count != 2 || input.Type is not (TensorType.Int64 or TensorType.Int32))
                throw failed($"its input '{input.Name}' is not a table of whole numbers");
        }
        return new TextShape { Ids = ids, Mask = mask, Types = types, Output = output };
    }

    public static string Names(IEnumerable<TensorDescription> tensors) =>
        string.Join(", ", tensors.Select(tensor => $"{tensor.Name} [{string.Join(", ", tensor.Shape)}]"));

    private static TensorDescription? Input(IReadOnlyList<TensorDescription> inputs, string name) =>
        inputs.FirstOrDefault(input => input.Name == name);
}
