using System.Numerics.Tensors;
using Taishang.Ai.Inference;
using Taishang.Ai.Models;

namespace Taishang.Ai.Embeddings;

/// <summary>
/// A text-embedding model of an ONNX file. Its texts go through a <see cref="TextBatcher"/> with those of other calls;
/// the vectors come back in the order of the texts. The file is lent for each call, so that an idle model holds no
/// memory that others need.
/// </summary>
internal sealed class OnnxEmbeddingModel : IEmbeddingModel
{
    private const int MaxDimensions = 32_768;
    private const int MinProbedTokens = 16;
    private const int MaxProbedTokens = 2_048;

    private readonly OnnxModels _files;
    private readonly OnnxFile _file;
    private readonly TextTokenizer _tokenizer;
    private readonly EmbeddingLimits _limits;
    private readonly TextBatcher _batcher;
    private OnnxEmbeddingSettings _settings;

    private OnnxEmbeddingModel(
        OnnxModels files, OnnxFile file, TextTokenizer tokenizer, OnnxEmbeddingSettings settings, ModelOptions options,
        EmbeddingModelInfo info)
    {
        _files = files;
        _file = file;
        _tokenizer = tokenizer;
        _settings = settings;
        _limits = options.Limits;
        _batcher = new TextBatcher(options, settings.Shape, tokenizer.Padding);
        Info = info;
    }

    public EmbeddingModelInfo Info { get; private set; }

    /// <summary>
    /// Makes an embedding model of a file. The model is run once at its full length, because files seldom declare how
    /// many tokens they take and how many dimensions they give.
    /// </summary>
    /// <exception cref="ModelException">The file is no text-embedding model, or does not run.</exception>
    public static async Task<OnnxEmbeddingModel> CreateAsync(
        OnnxModels files, ModelReference reference, ModelConfig config, ModelOptions options,
        CancellationToken cancellationToken)
    {
        (OnnxFile file, ModelLease<OnnxModel> opened) = await files.OpenAsync(reference, config, cancellationToken);
        using ModelLease<OnnxModel> lease = opened;
        TextTokenizer tokenizer = TokenizerFiles.Load(files.Folder, config);
        OnnxEmbeddingSettings settings = OnnxEmbeddingSettings.Find(lease.Value, config);
        var info = new EmbeddingModelInfo(
            "onnx", config.ModelName, reference.Version, (int)settings.Shape.Output.Shape[^1], settings.MaxTokens,
            lease.Value.Checksum);
        var model = new OnnxEmbeddingModel(files, file, tokenizer, settings, options, info);
        bool lengthIsGiven = config.Number("max_length", 3, int.MaxValue) is not null;
        await model.FindLimitsAsync(lease.Value, lengthIsGiven, cancellationToken);
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
        TokenizedText[] tokens = await Task.Run(
            () => _tokenizer.EncodeAll(texts, _settings.MaxTokens, cancellationToken), cancellationToken);
        using ModelLease<OnnxModel> lease = await _files.AcquireAsync(_file, cancellationToken);
        int dimensions = Info.Dimensions;
        float[] values = new float[texts.Count * dimensions];
        await _batcher.RunAsync(lease.Value, tokens, Place, cancellationToken);
        return new EmbeddingBatch(
            values, dimensions, [.. tokens.Select(text => text.Ids.Length)], tokens.Count(text => text.Truncated));

        void Place(int row, ReadOnlySpan<float> output, int columns)
        {
            if (columns != dimensions)
            {
                throw new ModelException(ModelErrorKind.RunFailed,
                    $"The model gave {columns} dimensions where it promised {dimensions}.");
            }
            Finish(output, tokens[row].Ids.Length, values.AsSpan(row * dimensions, dimensions));
        }
    }

    public void Dispose()
    {
    }

    private void Finish(ReadOnlySpan<float> output, int tokens, Span<float> vector)
    {
        PoolingKernels.Pool(_settings.Pooling, output, tokens, vector);
        if (_settings.Normalize) PoolingKernels.Normalize(vector);
        if (!TensorPrimitives.IsFiniteAll<float>(vector))
            throw new ModelException(ModelErrorKind.RunFailed, "The model's vectors are not finite numbers.");
    }

    // Runs the longest text that will ever come, short of lengths whose memory nobody should pay for a trial. Where
    // nobody said how long that is, a model that fails on it gets half as much, until it runs: position tables end at
    // powers of two.
    private async Task FindLimitsAsync(OnnxModel model, bool lengthIsGiven, CancellationToken cancellationToken)
    {
        string longest = string.Join(' ', Enumerable.Repeat("word", MaxProbedTokens));
        while (true)
        {
            try
            {
                TokenizedText[] probe = [_tokenizer.Encode(longest, Math.Min(_settings.MaxTokens, MaxProbedTokens))];
                int dimensions = 0;
                await _batcher.RunAsync(model, probe, (_, _, columns) => dimensions = columns, cancellationToken);
                Info = Info with { Dimensions = dimensions, MaxTokens = _settings.MaxTokens };
                return;
            }
            catch (ModelException failure) when (failure.Kind == ModelErrorKind.RunFailed)
            {
                bool final = lengthIsGiven || _settings.Shape.FixedLength > 0
                    || _settings.MaxTokens <= MinProbedTokens;
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
}
