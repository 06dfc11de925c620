using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Google.Protobuf;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Api;
using Taishang.Testing.Hosts;

namespace Taishang.Core.Tests.Gateway;

/// <summary>A core before models whose answers and failures the test chooses by their names.</summary>
internal sealed class GatewayWorld : IAsyncDisposable
{
    public const string Root = "/api/taishang/routes";
    public const int Dims = 4;

    private readonly ConcurrentQueue<string> _called = new();

    private GatewayWorld(CoreHost host, FakeTimeProvider clock) => (Host, Clock) = (host, clock);

    public CoreHost Host { get; }

    public FakeTimeProvider Clock { get; }

    public ApiClient Api => Host.Api;

    /// <summary>Models that fail, and how; taken anew at each call.</summary>
    public ConcurrentDictionary<string, Func<ApiException>> Faults { get; } = new();

    /// <summary>Runs before a model answers.</summary>
    public Func<string, CancellationToken, Task> Before { get; set; } = (_, _) => Task.CompletedTask;

    /// <summary>Chunks of a streamed chat, after which it ends or fails.</summary>
    public Func<string, IEnumerable<string>> Chunks { get; set; } = name =>
    [
        Chunk($$"""{"role":"assistant","content":"I am "}"""), Chunk($$"""{"content":"{{name}}"}"""),
    ];

    /// <summary>How a stream ends instead of with its summary.</summary>
    public Func<string, ApiException?> Break { get; set; } = _ => null;

    /// <summary>Names of the models that were called, in order.</summary>
    public IReadOnlyList<string> Called => [.. _called];

    public static async Task<GatewayWorld> StartAsync(
        IReadOnlyDictionary<string, string>? settings = null, Action<IServiceCollection>? services = null)
    {
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 11, 22, 8, 0, 0, TimeSpan.Zero));
        var ai = new FakeAiClient();
        var host = await CoreHost.StartAsync(new CoreHostOptions
        {
            Ai = ai,
            Time = clock,
            Settings = settings ?? new Dictionary<string, string>(),
            ConfigureServices = services,
        });
        var world = new GatewayWorld(host, clock);
        ai.On(AiCalls.TestModel, request => new TestModelResponse
        {
            Passed = true,
            Kind = request.Model.Name.StartsWith("talk", StringComparison.Ordinal) ? "chat"
                : request.Model.Name.StartsWith("label", StringComparison.Ordinal) ? "classification" : "embedding",
            Dims = request.Model.Name.StartsWith("wide", StringComparison.Ordinal) ? Dims * 2 : Dims,
        });
        ai.OnAsync(AiCalls.ComputeEmbedding, world.EmbedAsync);
        ai.OnAsync(AiCalls.InferenceModel, world.InferAsync);
        ai.OnChat = world.ChatAsync;
        return world;
    }

    public static string Chunk(string delta) =>
        """{"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":"""
        + $$"""[{"index":0,"delta":{{delta}},"finish_reason":null}]}""";

    /// <summary>Active models of provider builtin.</summary>
    public async Task RegisterAsync(params string[] names)
    {
        foreach (var name in names) await RegisterOneAsync(name, "{}");
    }

    public async Task<string> RegisterOneAsync(string name, string config)
    {
        var answer = await Api.PostAsync(
            "/api/taishang/models",
            $$"""{"name":"{{name}}","provider":"builtin","version":"1.0.0","config":{{config}}}""");
        Assert.True(answer.Code == 0 && answer.String("status") == "active", answer.ToString());
        return answer.String("id");
    }

    /// <param name="more">Fields behind the targets, with a comma before each.</param>
    public async Task<ApiAnswer> RouteAsync(string name, string targets, string more = "")
    {
        var answer = await Api.PostAsync(
            Root, $$"""{"name":"{{name}}","targets":[{{targets}}]{{more}}}""");
        Assert.True((int)answer.Status == 201, answer.ToString());
        return answer;
    }

    public Task<ApiAnswer> EmbedAsync(
        string route, string text = "hello", params (string Name, string Value)[] headers) =>
        PostAsync($"{Root}/{route}/embed", JsonSerializer.Serialize(new { text }), headers);

    public async Task<ApiAnswer> PostAsync(string path, string json, params (string Name, string Value)[] headers)
    {
        using var response = await SendAsync(path, json, headers);
        return new ApiAnswer(
            response.StatusCode, await response.Content.ReadAsStringAsync(), response.Headers,
            response.Content.Headers.ContentType);
    }

    public async Task<HttpResponseMessage> SendAsync(
        string path, string json, params (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path)
        {
            Content = new StringContent(json, Encoding.UTF8, new MediaTypeHeaderValue("application/json")),
        };
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        return await Host.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    public ValueTask DisposeAsync() => Host.DisposeAsync();

    private async Task<ComputeEmbeddingResponse> EmbedAsync(
        ComputeEmbeddingRequest request, CancellationToken cancellation)
    {
        await CallAsync(request.Model.Name, cancellation);
        return new ComputeEmbeddingResponse
        {
            Embeddings =
            {
                request.Texts.Select(text => new Embedding
                {
                    Values = { Enumerable.Range(0, Dims).Select(i => (float)(text.Length + i)) },
                }),
            },
            Dims = Dims,
            Tokens = request.Texts.Sum(text => text.Length),
            ModelMs = 0.25,
        };
    }

    private async Task<InferenceModelResponse> InferAsync(
        InferenceModelRequest request, CancellationToken cancellation)
    {
        await CallAsync(request.Model.Name, cancellation);
        return new InferenceModelResponse
        {
            Tokens = 3,
            Classifications =
            {
                new Classification { Labels = { new LabelScore { Label = request.Model.Name, Score = 1 } } },
            },
        };
    }

    private async Task<ChatSummary> ChatAsync(
        ChatRequest request, Func<ChatEvent, Task> send, CancellationToken cancellation)
    {
        var name = request.Model.Name;
        await CallAsync(name, cancellation);
        if (request.Stream)
        {
            foreach (var chunk in Chunks(name))
                await send(new ChatEvent { ChunkJson = ByteString.CopyFromUtf8(chunk) });
        }
        else
        {
            await send(new ChatEvent
            {
                CompletionJson = ByteString.CopyFromUtf8(
                    $$"""{"id":"c1","object":"chat.completion","created":1,"model":"{{name}}","choices":"""
                    + $$"""[{"index":0,"message":{"role":"assistant","content":"I am {{name}}"},"""
                    + "\"finish_reason\":\"stop\"}],\"usage\":"
                    + """{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}"""),
            });
        }

        if (Break(name) is { } fault) throw fault;
        return new ChatSummary { PromptTokens = 7, CompletionTokens = 3, FinishReason = "stop", ModelMs = 1 };
    }

    private async Task CallAsync(string name, CancellationToken cancellation)
    {
        _called.Enqueue(name);
        await Before(name, cancellation);
        if (Faults.TryGetValue(name, out var fault)) throw fault();
    }
}
