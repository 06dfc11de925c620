namespace Taishang.Ai.Models;

/// <summary>
/// Models behind an HTTP service that speaks the OpenAI form: embeddings at {endpoint}/embeddings, chat at
/// {endpoint}/chat/completions. Configuration: api_key (sent as bearer token), headers, extra (fields of each body),
/// dimensions, batch_size (1 to 2048, default 96), parallel_batches (1 to 64, default 4), timeout_ms,
/// connect_timeout_ms, normalize, stream_usage.
/// </summary>
internal sealed class OpenAiProvider(
    ModelOptions options, TimeProvider time, HostResolver? resolver = null, HostConnector? connector = null)
    : IModelProvider, IChatProvider
{
    private readonly GuardedHttp _guard = new(options, resolver, connector);

    public string Name => "openai";

    /// <summary>Connects and embeds a probe, by which the dimensions become known.</summary>
    public async ValueTask<IEmbeddingModel> LoadAsync(ModelReference reference, CancellationToken cancellationToken)
    {
        OpenAiConnection connection = Connect(reference);
        try
        {
            OpenAiSettings settings = connection.Settings;
            (OpenAiVectors probe, _) = await OpenAiEmbeddingModel.SendAsync(connection, ["probe"], cancellationToken);
            int dimensions = probe.Dimensions;
            if (dimensions > OpenAiSettings.MaxDimensions || (settings.Dimensions is { } asked && asked != dimensions))
            {
                throw new ModelException(ModelErrorKind.UpstreamFailed,
                    $"The service gives {dimensions} dimensions; "
                    + (settings.Dimensions is { } wanted
                        ? $"{wanted} were asked for."
                        : $"{OpenAiSettings.MaxDimensions} at most are supported."));
            }
            return new OpenAiEmbeddingModel(connection, options.Limits, new EmbeddingModelInfo(
                Name, settings.Model, reference.Version, dimensions, MaxTokens: 0, Checksum: null));
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Makes the client; the service is reached with the first call.</summary>
    public ValueTask<IChatModel> LoadChatAsync(ModelReference reference, CancellationToken cancellationToken) =>
        ValueTask.FromResult<IChatModel>(new OpenAiChatModel(Connect(reference), options));

    private OpenAiConnection Connect(ModelReference reference) => new(
        OpenAiSettings.Read(reference, ModelConfig.Parse(reference), options), _guard, options, time);
}
