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
    private const int MaxMaxTokens = 32_768;
    private const int DefaultMaxTokens = 512;
    private readonly OnnxModels _files;
    private readonly OnnxFile _file;
    private readonly TextTokenizer? _tokenizer;
    private readonly ModelConfig _config;
    private readonly ModelOptions _options;
    private readonly Lazy<TextBatcher> _batcher;

    private InferenceModel(
        OnnxModels files, OnnxFile file, OnnxModel model, TextTokenizer? tokenizer, ModelConfig config,
        ModelOptions options)
    {
        _files = files;
        _file = file;
        _tokenizer = tokenizer;
        _config = config;
        _options = options;
        Inputs = model.Inputs;
        Outputs = model.Outputs;
        Checksum = model.Checksum;
        _batcher = new Lazy<TextBatcher>(MakeBatcher, LazyThreadSafetyMode.PublicationOnly);
    }

    /// <summary>What the model must be given.</summary>
    public IReadOnlyList<TensorDescription> Inputs { get; }

    /// <summary>What the model gives.</summary>
    public IReadOnlyList<TensorDescription> Outputs { get; }

    /// <summary>"sha256:" and the hex digest of the file.</summary>
    public string Checksum { get; }

    /// <summary>Loads a model; without a tokenizer it reads no text.</summary>
    /// <exception cref="ModelException">It can not be loaded.</exception>
    public static async Task<InferenceModel> CreateAsync(
        OnnxModels files, ModelReference reference, ModelOptions options, CancellationToken cancellationToken)
    {
        ModelConfig config = ModelConfig.Parse(reference);
        (OnnxFile file, ModelLease<OnnxModel> opened) = await files.OpenAsync(reference, config, cancellationToken);
        using ModelLease<OnnxModel> lease = opened;
        TextTokenizer? tokenizer =
            TokenizerFiles.IsPresent(files.Folder, config) ? TokenizerFiles.Load(files.Folder, config) : null;
        return new InferenceModel(files, file, lease.Value, tokenizer, config, options);
    }

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
        using ModelLease<OnnxModel> lease = await _files.AcquireAsync(_file, cancellationToken);
        return await lease.Value.RunAsync(
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
        _options.Limits.Check(texts);
        TextBatcher batcher = _batcher.Value;
        TextTokenizer tokenizer = Tokenizer();
        string[] labels = [.. _config.Texts("labels", MaxLabels)];
        Activation activation = _config.Choice("activation", Activation.Softmax);
        int maxTokens = _config.Number("max_length", 3, MaxMaxTokens) ?? DefaultMaxTokens;
        TokenizedText[] tokens = await Task.Run(
            () => tokenizer.EncodeAll(texts, maxTokens, cancellationToken), cancellationToken);
        var scored = new IReadOnlyList<LabelScore>[texts.Count];
        using ModelLease<OnnxModel> lease = await _files.AcquireAsync(_file, cancellationToken);
        await batcher.RunAsync(
            lease.Value, tokens,
            (row, numbers, _) => scored[row] = Score(numbers.ToArray(), labels, activation), cancellationToken);
        return new Classification(scored, [.. tokens.Select(text => text.Ids.Length)]);
    }

    public void Dispose()
    {
    }

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

    private TextBatcher MakeBatcher()
    {
        TextTokenizer tokenizer = Tokenizer();
        TextShape shape = TextShape.Find(Inputs, LogitsOutput(), _config, NoClassifier);
        return new TextBatcher(_options, shape, tokenizer.Padding);
    }

    private TensorDescription LogitsOutput()
    {
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
