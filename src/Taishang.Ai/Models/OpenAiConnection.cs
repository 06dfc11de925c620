using System.ClientModel;
using System.ClientModel.Primitives;
using OpenAI;
using OpenAI.Chat;
using OpenAI.Embeddings;

namespace Taishang.Ai.Models;

/// <summary>
/// The official client of one service, over the guarded transport, by its protocol methods: JSON goes in and comes out
/// as it is, so that what a service takes or gives beyond the library's own types passes through. The library never
/// retries here: core knows what may be repeated, and every failure says whether that makes sense.
/// </summary>
internal sealed class OpenAiConnection : IDisposable
{
    private const long MaxErrorBytes = 64 << 10;

    // The library wants one; the real one is put on below it, where it is known whom a request goes to.
    private static readonly ApiKeyCredential NoKey = new("none");

    private readonly HttpClient _http;
    private readonly ModelOptions _options;
    private readonly EmbeddingClient _embeddings;
    private readonly ChatClient _chats;
    private readonly TimeProvider _time;

    public OpenAiConnection(OpenAiSettings settings, GuardedHttp guard, ModelOptions options, TimeProvider time)
    {
        Settings = settings;
        Failures = new OpenAiFailures(settings, time);
        _options = options;
        _time = time;
        _http = new HttpClient(new OpenAiRedirects(settings, guard.CreateHandler(settings.ConnectTimeoutMs)))
        {
            // Each request has a limit of its own.
            Timeout = Timeout.InfiniteTimeSpan,
        };
        var library = new OpenAIClientOptions
        {
            Endpoint = settings.Endpoint,
            Transport = new HttpClientPipelineTransport(_http),
            RetryPolicy = new ClientRetryPolicy(maxRetries: 0),
            NetworkTimeout = Timeout.InfiniteTimeSpan,
        };
        _embeddings = new EmbeddingClient(settings.Model, NoKey, library);
        _chats = new ChatClient(settings.Model, NoKey, library);
    }

    public OpenAiSettings Settings { get; }

    public OpenAiFailures Failures { get; }

    public OpenAiExchange Begin(CancellationToken cancellationToken) =>
        new(Settings, Failures, _time, cancellationToken);

    /// <summary>Asks for embeddings; gives the whole answer.</summary>
    public async Task<byte[]> EmbedAsync(byte[] body, CancellationToken cancellationToken)
    {
        using BinaryContent content = BinaryContent.Create(BinaryData.FromBytes(body));
        ClientResult result = await _embeddings.GenerateEmbeddingsAsync(content, Options(cancellationToken));
        using PipelineResponse response = await SucceededAsync(result, cancellationToken);
        return await ReadAllAsync(response, cancellationToken);
    }

    /// <summary>Asks for a chat completion; gives an answer of which the head has come. The caller disposes
    /// it.</summary>
    public async Task<PipelineResponse> ChatAsync(byte[] body, bool stream, CancellationToken cancellationToken)
    {
        using BinaryContent content = BinaryContent.Create(BinaryData.FromBytes(body));
        RequestOptions options = Options(cancellationToken);
        if (stream) options.SetHeader("Accept", "text/event-stream");
        return await SucceededAsync(await _chats.CompleteChatAsync(content, options), cancellationToken);
    }

    public async Task<byte[]> ReadAllAsync(PipelineResponse response, CancellationToken cancellationToken)
    {
        await using BoundedStream body = BodyOf(response, _options.MaxRemoteResponseBytes);
        return await body.ReadAllAsync(cancellationToken);
    }

    /// <summary>The events of an answer, within the limits of a stream.</summary>
    public BoundedStream EventsOf(PipelineResponse response) =>
        BodyOf(response, _options.MaxRemoteResponseBytes, _options.MaxRemoteEventBytes);

    public void Dispose() => _http.Dispose();

    private static RequestOptions Options(CancellationToken cancellationToken) => new()
    {
        // Buffering and errors are ours: the library would read an answer of any length into memory.
        BufferResponse = false,
        ErrorOptions = ClientErrorBehaviors.NoThrow,
        CancellationToken = cancellationToken,
    };

    private static BoundedStream BodyOf(
        PipelineResponse response, long maxBytes, long maxEventBytes = long.MaxValue) =>
        new(response.ContentStream ?? Stream.Null, maxBytes, maxEventBytes);

    private async Task<PipelineResponse> SucceededAsync(ClientResult result, CancellationToken cancellationToken)
    {
        PipelineResponse response = result.GetRawResponse();
        if (response.Status is >= 200 and < 300) return response;
        using PipelineResponse failed = response;
        throw Failures.OfStatus(failed, await ExplanationAsync(failed, cancellationToken));
    }

    private static async Task<byte[]> ExplanationAsync(PipelineResponse response, CancellationToken cancellationToken)
    {
        try
        {
            await using BoundedStream body = BodyOf(response, MaxErrorBytes);
            return await body.ReadAllAsync(cancellationToken);
        }
        catch (Exception failure) when (failure is ModelException or IOException)
        {
            return []; // Longer than an explanation is, or cut off; the status says enough.
        }
    }
}
