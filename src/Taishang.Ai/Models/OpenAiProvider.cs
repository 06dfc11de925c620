namespace Taishang.Ai.Models;

/// <summary>
/// Embedding models behind an HTTP service that speaks the OpenAI form: POST {endpoint}/embeddings. Configuration:
/// api_key (sent as bearer token), dimensions, batch_size (1 to 2048, default 96), timeout_ms, normalize.
/// </summary>
internal sealed class OpenAiProvider : IModelProvider, IDisposable
{
    private const int DefaultBatchTexts = 96;
    private const int MaxBatchTexts = 2_048;
    private const int MaxDimensions = 32_768;
    private readonly HttpClient _client;
    private readonly ModelOptions _options;
    private readonly TimeProvider _time;

    public OpenAiProvider(
        ModelOptions options, TimeProvider time, HostResolver? resolver = null, HostConnector? connector = null)
    {
        _options = options;
        _time = time;
        _client = GuardedHttp.Create(new EndpointRule(options.AllowedNetworks), options, resolver, connector);
    }

    public string Name => "openai";

    /// <summary>Connects and embeds a probe, by which the dimensions become known.</summary>
    public async ValueTask<IEmbeddingModel> LoadAsync(ModelReference reference, CancellationToken cancellationToken)
    {
        ModelConfig config = ModelConfig.Parse(reference);
        if (reference.Endpoint.Length == 0)
        {
            throw new ModelException(
                ModelErrorKind.InvalidConfig, "endpoint: the address of the service is expected, none came.");
        }
        var settings = new OpenAiSettings
        {
            Address = new Uri(EndpointRule.Parse(reference.Endpoint).AbsoluteUri.TrimEnd('/') + "/embeddings"),
            Model = config.ModelName,
            ApiKey = CheckedKey(config.Text("api_key", "")),
            Dimensions = config.Number("dimensions", 1, MaxDimensions),
            BatchTexts = config.Number("batch_size", 1, MaxBatchTexts) ?? DefaultBatchTexts,
            TimeoutMs = config.Number("timeout_ms", 100, 600_000) ?? _options.RemoteTimeoutMs,
            Normalize = config.Flag("normalize") ?? false,
        };
        var requests = new OpenAiRequests(_client, settings, _time);
        (float[] _, int dimensions, long _) = await requests.SendAsync(["probe"], cancellationToken);
        if (dimensions > MaxDimensions || (settings.Dimensions is { } asked && asked != dimensions))
        {
            throw new ModelException(ModelErrorKind.UpstreamFailed,
                $"The service gives {dimensions} dimensions; {settings.Dimensions ?? MaxDimensions} "
                + (settings.Dimensions is null ? "at most are supported." : "were asked for."));
        }
        return new OpenAiEmbeddingModel(requests, settings, _options.Limits, new EmbeddingModelInfo(
            Name, config.ModelName, reference.Version, dimensions, MaxTokens: 0, Checksum: null));
    }

    public void Dispose() => _client.Dispose();

    // A line break in a header would let a configuration write headers of its own.
    private static string CheckedKey(string key) => key.All(piece => piece is > ' ' and < '\u007F')
        ? key
        : throw new ModelException(ModelErrorKind.InvalidConfig, "config.api_key: printable ASCII is expected.");
}

/// <summary>How one model of a service is called.</summary>
internal sealed record OpenAiSettings
{
    public required Uri Address { get; init; }

    public required string Model { get; init; }

    public required string ApiKey { get; init; }

    public required int? Dimensions { get; init; }

    public required int BatchTexts { get; init; }

    public required int TimeoutMs { get; init; }

    public required bool Normalize { get; init; }

    // The key must not reach a log.
    public override string ToString() => $"{Address} {Model}";
}
