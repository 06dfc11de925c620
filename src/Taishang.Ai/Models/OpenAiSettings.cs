using System.Buffers;
using System.Text.Json;

namespace Taishang.Ai.Models;

/// <summary>How one model of a service is called.</summary>
internal sealed record OpenAiSettings
{
    public const int MaxDimensions = 32_768;

    private const int DefaultBatchTexts = 96;
    private const int MaxBatchTexts = 2_048;
    private const int MaxHeaders = 32;
    private static readonly SearchValues<char> HeaderNameCharacters = SearchValues.Create(
        "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

    // Those that the transport sets itself.
    private static readonly string[] TransportHeaders =
        ["host", "content-length", "content-type", "transfer-encoding", "connection", "upgrade", "te", "trailer"];

    public required Uri Endpoint { get; init; }

    public required string Model { get; init; }

    public required string ApiKey { get; init; }

    /// <summary>Sent with each request, to the endpoint's own origin alone.</summary>
    public required IReadOnlyDictionary<string, string> Headers { get; init; }

    /// <summary>Fields for the body of each request, where the caller brings no such field.</summary>
    public required JsonElement? Extra { get; init; }

    public required int? Dimensions { get; init; }

    public required int BatchTexts { get; init; }

    /// <summary>Batches of one call that are under way at once.</summary>
    public required int BatchesAtOnce { get; init; }

    /// <summary>Milliseconds for an answer; of a stream, for each of its pieces.</summary>
    public required int TimeoutMs { get; init; }

    public required int ConnectTimeoutMs { get; init; }

    public required bool Normalize { get; init; }

    /// <summary>Whether a stream is asked for its usage; some services refuse to be asked.</summary>
    public required bool StreamUsage { get; init; }

    /// <exception cref="ModelException">Of kind InvalidConfig.</exception>
    public static OpenAiSettings Read(ModelReference reference, ModelConfig config, ModelOptions options)
    {
        if (reference.Endpoint.Length == 0)
        {
            throw new ModelException(
                ModelErrorKind.InvalidConfig, "endpoint: the address of the service is expected, none came.");
        }
        return new OpenAiSettings
        {
            Endpoint = EndpointRule.Parse(reference.Endpoint),
            Model = config.ModelName,
            ApiKey = CheckedKey(config.Text("api_key", "")),
            Headers = HeadersOf(config),
            Extra = config.Object("extra"),
            Dimensions = config.Number("dimensions", 1, MaxDimensions),
            BatchTexts = config.Number("batch_size", 1, MaxBatchTexts) ?? DefaultBatchTexts,
            BatchesAtOnce = config.Number("parallel_batches", 1, ModelOptions.RemoteBatchesLimit)
                ?? options.MaxRemoteBatches,
            TimeoutMs = TimeoutOf(config, options),
            ConnectTimeoutMs = ConnectTimeoutOf(config, options),
            Normalize = config.Flag("normalize") ?? false,
            StreamUsage = config.Flag("stream_usage") ?? true,
        };
    }

    public static int TimeoutOf(ModelConfig config, ModelOptions options) =>
        config.Number("timeout_ms", 100, 600_000) ?? options.RemoteTimeoutMs;

    public static int ConnectTimeoutOf(ModelConfig config, ModelOptions options) =>
        config.Number("connect_timeout_ms", 100, 60_000) ?? options.ConnectTimeoutMs;

    /// <summary>The headers of a configuration, each fit to be sent.</summary>
    public static IReadOnlyDictionary<string, string> HeadersOf(ModelConfig config)
    {
        IReadOnlyDictionary<string, string> headers = config.Map("headers", MaxHeaders);
        foreach ((string name, string value) in headers)
        {
            bool fits = name.Length > 0 && !name.AsSpan().ContainsAnyExcept(HeaderNameCharacters)
                && !TransportHeaders.Contains(name, StringComparer.OrdinalIgnoreCase)
                && !value.AsSpan().ContainsAnyExceptInRange(' ', '~');
            if (!fits)
            {
                throw new ModelException(ModelErrorKind.InvalidConfig,
                    "config.headers: names that the transport leaves free and values of printable ASCII are expected.");
            }
        }
        return headers;
    }

    // The key and the headers must not reach a log.
    public override string ToString() => $"{Endpoint} {Model}";

    // A line break in a header would let a configuration write headers of its own.
    private static string CheckedKey(string key) => key.All(piece => piece is > ' ' and < '\u007F')
        ? key
        : throw new ModelException(ModelErrorKind.InvalidConfig, "config.api_key: printable ASCII is expected.");
}
