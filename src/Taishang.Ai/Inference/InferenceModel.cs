using System.Numerics.Tensors;
using Microsoft.ML.OnnxRuntime;
using Taishang.Ai.Models;

namespace Taishang.Ai.Inference;

/// <summary>A label that a classifier gave to a text, with its share of certainty from 0 to 1.</summary>
internal readonly record struct LabelScore(string Label, float Score);

/// <summary>What a classifier says of a batch of texts.</summary>
/// <param name="Texts">For each text its labels, the most certain first.</param>
/// <param name="Tokens">Tokens that were read of each text.</param>
internal sealed record Classification(IReadOnlyList<IReadOnlyList<LabelScore>> Texts, IReadOnlyList<int> Tokens);

/// <summary>How a classifier's numbers become certainties.</summary>
internal enum Activation
{
    /// <summary>One label holds: the certainties of a text add up to 1.</summary>
    Softmax,

    /// <summary>Each label holds or not by itself.</summary>
    Sigmoid,

    /// <summary>The model gives certainties already.</summary>
    None,
}

/// <summary>An ONNX model for inference: any tensors in and out, or, if it has a tokenizer, labels for texts.</summary>
internal sealed class InferenceModel : IDisposable
{
    private const int MaxLabels = 10_000;
    private readonly ModelLease<OnnxModel> _lease;
    private readonly TextTokenizer? _tokenizer;
    private readonly ModelConfig _config;
    private readonly EmbeddingLimits _limits;

    /// <summary>Takes over the lease; <paramref name="tokenizer"/> is null for a model that reads no text.</summary>
    public InferenceModel(
        ModelLease<OnnxModel> lease, TextTokenizer? tokenizer, ModelConfig config, EmbeddingLimits limits)
    {
        _lease = lease;
        _tokenizer = tokenizer;
        _config = config;
        _limits = limits;
    }

    /// <summary>What the model must be given.</summary>
    public IReadOnlyList<TensorDescription> Inputs => _lease.Value.Inputs;

    /// <summary>What the model gives.</summary>
    public IReadOnlyList<TensorDescription> Outputs => _lease.Value.Outputs;

    /// <summary>"sha256:" and the hex digest of the file.</summary>
    public string Checksum => _lease.Value.Checksum;

    /// <summary>Runs the model; <paramref name="outputs"/> names what is wanted, empty for all.</summary>
    /// <exception cref="ModelException">InvalidInput, Busy or RunFailed.</exception>
    public async Task<IReadOnlyList<InferenceTensor>> RunAsync(
        IReadOnlyList<InferenceTensor> inputs, IReadOnlyList<string> outputs, CancellationToken cancellationToken)
    {
        string[] wanted = outputs.Count == 0 ? [.. Outputs.Select(output => output.Name)] : [.. outputs];
        foreach (string name in wanted)
        {
            if (Outputs.All(output => output.Name != name))
                throw Refused($"outputs: '{name}' is not among {Names(Outputs)}.");
        }
        return await _lease.Value.RunAsync(
            Values(inputs), wanted,
            results => wanted.Select((name, i) => OnnxTensors.FromValue(name, results[i])).ToArray(),
            cancellationToken);
    }

    /// <summary>
    /// Labels texts by the model's output of one number a label: "output" of the configuration or "logits". The
    /// configuration's "labels" names them, "activation" (softmax, sigmoid, none) says what the numbers are.
    /// </summary>
    /// <exception cref="ModelException">InvalidInput; InvalidConfig if the model is no text classifier.</exception>
    public async Task<Classification> ClassifyAsync(IReadOnlyList<string> texts, CancellationToken cancellationToken)
    {
        _limits.Check(texts);
        TensorDescription output = LogitsOutput();
        string[] labels = [.. _config.Texts("labels", MaxLabels)];
        Activation activation = _config.Choice("activation", Activation.Softmax);
        int maxTokens = _config.Number("max_length", 3, 32_768) ?? 512;
        var scored = new List<IReadOnlyList<LabelScore>>(texts.Count);
        var counts = new List<int>(texts.Count);
        for (int row = 0; row < texts.Count; row++)
        {
            // One text a run: labels are asked for a few texts at a time, and padding would change nothing but cost.
            TokenizedText text = Tokenizer().Encode(texts[row], maxTokens);
            if (text.Ids.Length == 0) throw EmbeddingLimits.Empty(row);
            float[] numbers = await _lease.Value.RunAsync(
                TextValues(text), [output.Name], results => results[0].GetTensorDataAsSpan<float>().ToArray(),
                cancellationToken);
            scored.Add(Score(numbers, labels, activation));
            counts.Add(text.Ids.Length);
        }
        return new Classification(scored, counts);
    }

    public void Dispose() => _lease.Dispose();

    private static LabelScore[] Score(float[] numbers, string[] labels, Activation activation)
    {
        if (labels.Length > 0 && labels.Length != numbers.Length)
        {
            throw new ModelException(ModelErrorKind.InvalidConfig,
                $"config.labels: the model gives {numbers.Length} labels, {labels.Length} are named.");
        }
        if (!TensorPrimitives.IsFiniteAll<float>(numbers))
            throw new ModelException(ModelErrorKind.RunFailed, "The model's scores are not finite.");
        if (activation == Activation.Softmax) TensorPrimitives.SoftMax(numbers, numbers);
        if (activation == Activation.Sigmoid) TensorPrimitives.Sigmoid(numbers, numbers);
        return [.. numbers
            .Select((score, i) => new LabelScore(labels.Length > 0 ? labels[i] : $"LABEL_{i}", score))
            .OrderByDescending(score => score.Score).ThenBy(score => score.Label, StringComparer.Ordinal)];
    }

    private Dictionary<string, OrtValue> Values(IReadOnlyList<InferenceTensor> inputs)
    {
        foreach (InferenceTensor tensor in inputs)
        {
            if (Inputs.All(declared => declared.Name != tensor.Name))
                throw Refused($"inputs: '{tensor.Name}' is not among {Names(Inputs)}.");
        }
        var values = new Dictionary<string, OrtValue>();
        try
        {
            foreach (TensorDescription declared in Inputs)
            {
                InferenceTensor[] given = [.. inputs.Where(tensor => tensor.Name == declared.Name)];
                if (given.Length != 1)
                    throw Refused($"inputs: '{declared.Name}' is expected once, it came {given.Length} times.");
                values[declared.Name] = OnnxTensors.ToValue(given[0], declared);
            }
            return values;
        }
        catch
        {
            foreach (OrtValue value in values.Values) value.Dispose();
            throw;
        }
    }

    private Dictionary<string, OrtValue> TextValues(TokenizedText text)
    {
        var values = new Dictionary<string, OrtValue>();
        foreach (TensorDescription input in Inputs)
        {
            long[] numbers = input.Name switch
            {
                "input_ids" => text.Ids,
                "attention_mask" => [.. Enumerable.Repeat(1L, text.Ids.Length)],
                "token_type_ids" => new long[text.Ids.Length],
                _ => throw NoClassifier($"its input '{input.Name}' is not one that text classification knows"),
            };
            long[] shape = [1, numbers.Length];
            values[input.Name] = input.Type == TensorType.Int32
                ? OrtValue.CreateTensorValueFromMemory(Array.ConvertAll(numbers, number => (int)number), shape)
                : OrtValue.CreateTensorValueFromMemory(numbers, shape);
        }
        return values;
    }

    private TensorDescription LogitsOutput()
    {
        _ = Tokenizer();
        string name = _config.Text("output", "logits");
        return Outputs.FirstOrDefault(output =>
                output.Name == name && output.Type == TensorType.Float32 && output.Shape.Count == 2)
            ?? throw NoClassifier($"it has no output '{name}' of one float32 a label; it gives {Names(Outputs)}");
    }

    private TextTokenizer Tokenizer() => _tokenizer ?? throw NoClassifier("it has no tokenizer");

    private static string Names(IReadOnlyList<TensorDescription> tensors) =>
        string.Join(", ", tensors.Select(tensor => tensor.Name));

    private static ModelException Refused(string message) => new(ModelErrorKind.InvalidInput, message);

    private static ModelException NoClassifier(string reason) =>
        new(ModelErrorKind.InvalidConfig, $"model: it can not classify text: {reason}.");
}
