using System.Numerics.Tensors;
using Microsoft.ML.OnnxRuntime;
using Taishang.Ai.Inference;
using Taishang.Ai.Models;

namespace Taishang.Ai.Embeddings;

/// <summary>
/// A text-embedding model of an ONNX file. Texts are sorted by their length and run in batches of about the same
/// length, so that little of a batch is padding; the vectors come back in the order of the texts.
/// </summary>
internal sealed class OnnxEmbeddingModel : IEmbeddingModel
{
    // Enough to fill the processors' vector units; beyond it only memory and the wait of the first text grow.
    private const int MaxBatchTexts = 32;
    private const int MaxBatchTokens = 16_384;
    private const int MaxDimensions = 32_768;
    private const int MinProbedTokens = 16;
    private const int MaxProbedTokens = 2_048;

    private readonly ModelLease<OnnxModel> _lease;
    private readonly TextTokenizer _tokenizer;
    private OnnxEmbeddingSettings _settings;
    private readonly EmbeddingLimits _limits;

    private OnnxEmbeddingModel(
        ModelLease<OnnxModel> lease, TextTokenizer tokenizer, OnnxEmbeddingSettings settings, EmbeddingLimits limits,
        EmbeddingModelInfo info)
    {
        _lease = lease;
        _tokenizer = tokenizer;
        _settings = settings;
        _limits = limits;
        Info = info;
    }

    public EmbeddingModelInfo Info { get; private set; }

    /// <summary>
    /// Makes an embedding model of a loaded file and takes over its lease. The model is run once at its full length,
    /// because files seldom declare how many tokens they take and how many dimensions they give.
    /// </summary>
    /// <exception cref="ModelException">The file is no text-embedding model, or does not run.</exception>
    public static async Task<OnnxEmbeddingModel> CreateAsync(
        ModelLease<OnnxModel> lease, TextTokenizer tokenizer, ModelConfig config, ModelReference reference,
        EmbeddingLimits limits, CancellationToken cancellationToken)
    {
        OnnxEmbeddingSettings settings = OnnxEmbeddingSettings.Find(lease.Value, config);
        var info = new EmbeddingModelInfo(
            "onnx", config.ModelName, reference.Version, (int)settings.Output.Shape[^1], settings.MaxTokens,
            lease.Value.Checksum);
        var model = new OnnxEmbeddingModel(lease, tokenizer, settings, limits, info);
        await model.FindLimitsAsync(config.Number("max_length", 3, int.MaxValue) is not null, cancellationToken);
        if (model.Info.Dimensions > MaxDimensions)
        {
            throw new ModelException(ModelErrorKind.LoadFailed,
                $"model: it gives {model.Info.Dimensions} dimensions; at most {MaxDimensions} are supported.");
        }
        return model;
    }

    public async ValueTask<EmbeddingBatch> EmbedAsync(IReadOnlyList<string> texts, CancellationToken cancellationToken)
    {
        _limits.Check(texts);
        TokenizedText[] tokens = await Task.Run(() => Tokenize(texts, cancellationToken), cancellationToken);
        int[] order = [.. Enumerable.Range(0, texts.Count)];
        Array.Sort([.. tokens.Select(text => text.Ids.Length)], order);
        int dimensions = Info.Dimensions;
        float[] values = new float[texts.Count * dimensions];
        int start = 0;
        while (start < order.Length)
        {
            int end = BatchEnd(tokens, order, start);
            int[] rows = order[start..end];
            (float[] vectors, int given) = await RunAsync(tokens, rows, cancellationToken);
            if (given != dimensions)
            {
                throw new ModelException(ModelErrorKind.RunFailed,
                    $"The model gave {given} dimensions where it promised {dimensions}.");
            }
            for (int i = 0; i < rows.Length; i++)
                vectors.AsSpan(i * dimensions, dimensions).CopyTo(values.AsSpan(rows[i] * dimensions));
            start = end;
        }
        return new EmbeddingBatch(
            values, dimensions, [.. tokens.Select(text => text.Ids.Length)], tokens.Count(text => text.Truncated));
    }

    public void Dispose() => _lease.Dispose();

    // Runs the longest text that will ever come, short of lengths whose memory nobody should pay for a trial. Where
    // nobody said how long that is, a model that fails on it gets
    // half as much, until it runs: position tables end at powers of two.
    private async Task FindLimitsAsync(bool lengthIsGiven, CancellationToken cancellationToken)
    {
        string longest = string.Join(' ', Enumerable.Repeat("word", MaxProbedTokens));
        while (true)
        {
            try
            {
                TokenizedText[] probe = [_tokenizer.Encode(longest, Math.Min(_settings.MaxTokens, MaxProbedTokens))];
                (_, int dimensions) = await RunAsync(probe, [0], cancellationToken);
                Info = Info with { Dimensions = dimensions, MaxTokens = _settings.MaxTokens };
                return;
            }
            catch (ModelException failure) when (failure.Kind == ModelErrorKind.RunFailed)
            {
                bool final = lengthIsGiven || _settings.FixedLength > 0 || _settings.MaxTokens <= MinProbedTokens;
                if (final)
                {
                    throw new ModelException(ModelErrorKind.LoadFailed,
                        $"model: it does not run on a text of {_settings.MaxTokens} tokens (max_length): "
                        + failure.Message, failure);
                }
                _settings = _settings with { MaxTokens = _settings.MaxTokens / 2 };
            }
        }
    }

    private TokenizedText[] Tokenize(IReadOnlyList<string> texts, CancellationToken cancellationToken)
    {
        var tokens = new TokenizedText[texts.Count];
        for (int row = 0; row < texts.Count; row++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            tokens[row] = _tokenizer.Encode(texts[row], _settings.MaxTokens);
            if (tokens[row].Ids.Length == 0) throw EmbeddingLimits.Empty(row);
        }
        return tokens;
    }

    private int BatchEnd(TokenizedText[] tokens, int[] order, int start)
    {
        if (_settings.FixedBatch > 0) return Math.Min(order.Length, start + _settings.FixedBatch);
        int end = start;
        while (end < order.Length && end - start < MaxBatchTexts
            && (end == start || (end - start + 1) * tokens[order[end]].Ids.Length <= MaxBatchTokens))
        {
            end++;
        }
        return end;
    }

    private async Task<(float[] Vectors, int Dimensions)> RunAsync(
        TokenizedText[] tokens, int[] rows, CancellationToken cancellationToken)
    {
        int length = _settings.FixedLength > 0 ? _settings.FixedLength : rows.Max(row => tokens[row].Ids.Length);
        int batch = _settings.FixedBatch > 0 ? _settings.FixedBatch : rows.Length;
        long[] ids = new long[batch * length];
        long[] mask = new long[batch * length];
        Array.Fill(ids, _tokenizer.Padding);
        for (int i = 0; i < rows.Length; i++)
        {
            long[] text = tokens[rows[i]].Ids;
            text.CopyTo(ids, i * length);
            Array.Fill(mask, 1, i * length, text.Length);
        }
        long[] shape = [batch, length];
        var inputs = new Dictionary<string, OrtValue> { [_settings.IdsInput] = Whole(_settings.IdsInput, ids, shape) };
        if (_settings.MaskInput is { } maskInput) inputs[maskInput] = Whole(maskInput, mask, shape);
        if (_settings.TypesInput is { } types) inputs[types] = Whole(types, new long[ids.Length], shape);
        return await _lease.Value.RunAsync(
            inputs, [_settings.Output.Name], results => Read(results[0], tokens, rows, length), cancellationToken);
    }

    private OrtValue Whole(string name, long[] values, long[] shape)
    {
        TensorDescription input = _lease.Value.Inputs.First(declared => declared.Name == name);
        return input.Type == TensorType.Int64
            ? OrtValue.CreateTensorValueFromMemory(values, shape)
            : OrtValue.CreateTensorValueFromMemory(Array.ConvertAll(values, value => (int)value), shape);
    }

    private (float[] Vectors, int Dimensions) Read(OrtValue output, TokenizedText[] tokens, int[] rows, int length)
    {
        long[] shape = output.GetTensorTypeAndShape().Shape;
        int dimensions = (int)shape[^1];
        bool fits = shape.Length == _settings.Output.Shape.Count && shape[0] >= rows.Length && dimensions > 0
            && (shape.Length == 2 || shape[1] == length);
        if (!fits)
            throw new ModelException(ModelErrorKind.RunFailed, $"The model gave [{string.Join(", ", shape)}] floats.");
        ReadOnlySpan<float> given = output.GetTensorDataAsSpan<float>();
        float[] vectors = new float[rows.Length * dimensions];
        int stride = shape.Length == 2 ? dimensions : length * dimensions;
        for (int i = 0; i < rows.Length; i++)
        {
            Span<float> vector = vectors.AsSpan(i * dimensions, dimensions);
            PoolingKernels.Pool(_settings.Pooling, given.Slice(i * stride, stride), tokens[rows[i]].Ids.Length, vector);
            if (_settings.Normalize) PoolingKernels.Normalize(vector);
        }
        return TensorPrimitives.IsFiniteAll<float>(vectors)
            ? (vectors, dimensions)
            : throw new ModelException(ModelErrorKind.RunFailed, "The model's vectors are not finite numbers.");
    }
}
