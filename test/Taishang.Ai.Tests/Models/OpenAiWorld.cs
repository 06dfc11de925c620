using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Taishang.Ai.Models;

namespace Taishang.Ai.Tests.Models;

/// <summary>The provider openai over a real server that answers as a test tells it, right or wrong.</summary>
internal sealed class OpenAiWorld : IAsyncDisposable
{
    public const string Secret = "sk-very-secret-key";

    /// <summary>Longer than anything takes; a test that waits so long has failed.</summary>
    public static readonly TimeSpan Bound = TimeSpan.FromSeconds(20);

    /// <summary>Where an answer finds the request's body.</summary>
    public const string BodyItem = "body";

    private const string Question = """{"messages":[{"role":"user","content":"How are you?"}]}""";

    private readonly EmbeddingServer _server;

    private OpenAiWorld(EmbeddingServer server, ModelOptions options, TimeProvider time, HostConnector? connector)
    {
        _server = server;
        var provider = new OpenAiProvider(options, time, connector: connector ?? ToLoopbackAloneAsync);
        Chats = new ChatModels(options, [provider]);
        Embeddings = new EmbeddingModels(options, [provider], TimeProvider.System);
    }

    public ChatModels Chats { get; }

    public EmbeddingModels Embeddings { get; }

    /// <summary>Bodies of the requests that came, in order.</summary>
    public List<JsonElement> Bodies { get; } = [];

    public List<IHeaderDictionary> Headers { get; } = [];

    public static async Task<OpenAiWorld> StartAsync(
        Func<HttpContext, Task>? answer = null, Action<ModelOptions>? configure = null, TimeProvider? time = null,
        HostConnector? connector = null)
    {
        var options = new ModelOptions();
        configure?.Invoke(options);
        EmbeddingServer server = await EmbeddingServer.StartAsync();
        var world = new OpenAiWorld(server, options, time ?? TimeProvider.System, connector);
        if (answer is not null)
        {
            server.Instead = async context =>
            {
                using JsonDocument body = await JsonDocument.ParseAsync(context.Request.Body);
                lock (world.Bodies)
                {
                    world.Bodies.Add(body.RootElement.Clone());
                    // A copy: the server uses the request's own again.
                    world.Headers.Add(new HeaderDictionary(context.Request.Headers.ToDictionary()));
                }
                context.Items[BodyItem] = body.RootElement.Clone();
                await answer(context);
            };
        }
        return world;
    }

    public ModelReference Reference(string config = "") => new(
        "openai", "registered", "1.0.0", _server.Endpoint,
        config.Length > 0 ? config : $$"""{"api_key":"{{Secret}}"}""");

    /// <summary>Chats; gives what came, piece by piece, and what it came to.</summary>
    public async Task<(List<string> Pieces, ChatOutcome Outcome)> ChatAsync(
        bool stream, string body = Question, string config = "", CancellationToken cancellation = default)
    {
        var pieces = new List<string>();
        ChatOutcome outcome = await ChatAsync(
            stream, piece =>
            {
                pieces.Add(piece);
                return Task.CompletedTask;
            }, body, config, cancellation);
        return (pieces, outcome);
    }

    public Task<ChatOutcome> ChatAsync(
        bool stream, Func<string, Task> sink, string body = Question, string config = "",
        CancellationToken cancellation = default) => Chats.ChatAsync(
            Reference(config), new ChatCall(Encoding.UTF8.GetBytes(body), stream),
            json => sink(Encoding.UTF8.GetString(json.Span)), cancellation).WaitAsync(Bound, CancellationToken.None);

    public async Task<ModelException> ChatFailsAsync(bool stream, string body = Question, string config = "") =>
        await Assert.ThrowsAsync<ModelException>(() => ChatAsync(stream, body, config));

    /// <summary>A chunk of a stream.</summary>
    public static string Chunk(string content, string? finish = null) => JsonSerializer.Serialize(new
    {
        id = "c1",
        @object = "chat.completion.chunk",
        choices = new[] { new { index = 0, delta = new { content }, finish_reason = finish } },
    });

    /// <summary>Answers with events, whatever is in them; comments and events of several lines go out as they
    /// are.</summary>
    public static async Task EventsAsync(HttpContext context, params string[] events)
    {
        if (!context.Response.HasStarted) context.Response.ContentType = "text/event-stream";
        foreach (string data in events)
        {
            string line = data.StartsWith(':') || data.Contains('\n') ? data : $"data: {data}";
            await context.Response.WriteAsync(line + "\n\n");
            await context.Response.Body.FlushAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        Chats.Dispose();
        Embeddings.Dispose();
        await _server.DisposeAsync();
    }

    private static async Task<Stream> ToLoopbackAloneAsync(IPAddress[] addresses, int port, CancellationToken cancel)
    {
        Assert.All(addresses, address => Assert.True(IPAddress.IsLoopback(address), $"{address} was let pass."));
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(addresses, port, cancel);
        return new NetworkStream(socket, ownsSocket: true);
    }
}
