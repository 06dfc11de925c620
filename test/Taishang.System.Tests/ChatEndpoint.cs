using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Taishang.Ai.Tests.Models;

namespace Taishang.System.Tests;

/// <summary>A real HTTP server that completes chats in OpenAI's form: it repeats the last message, word by word where a
/// stream is asked for.</summary>
internal sealed class ChatEndpoint : IAsyncDisposable
{
    private readonly EmbeddingServer _server;

    private ChatEndpoint(EmbeddingServer server) => _server = server;

    public string Endpoint => _server.Endpoint;

    /// <summary>Requests that came.</summary>
    public int Requests { get; private set; }

    /// <summary>Words after which a stream is cut off, as soon as <see cref="Cut"/> is done; null for none.</summary>
    public int? CutAfter { get; set; }

    /// <summary>A connection that is broken off takes with it what nobody has read yet.</summary>
    public TaskCompletionSource Cut { get; } = new();

    public static async Task<ChatEndpoint> StartAsync()
    {
        var server = await EmbeddingServer.StartAsync();
        var endpoint = new ChatEndpoint(server);
        server.Instead = endpoint.AnswerAsync;
        return endpoint;
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        Requests++;
        using var body = await JsonDocument.ParseAsync(context.Request.Body);
        var said = body.RootElement.GetProperty("messages").EnumerateArray().Last().GetProperty("content").GetString()!;
        var words = said.Split(' ');
        var usage = new { prompt_tokens = 5, completion_tokens = words.Length, total_tokens = 5 + words.Length };
        if (!body.RootElement.TryGetProperty("stream", out var stream) || !stream.GetBoolean())
        {
            await context.Response.WriteAsJsonAsync(new
            {
                id = "chatcmpl-1",
                @object = "chat.completion",
                created = 1_795_680_000,
                model = "echo",
                choices = new[]
                {
                    new { index = 0, message = new { role = "assistant", content = said }, finish_reason = "stop" },
                },
                usage,
            });
            return;
        }

        context.Response.ContentType = "text/event-stream";
        for (var i = 0; i < words.Length; i++)
        {
            if (i == CutAfter)
            {
                await Cut.Task;
                context.Abort();
                return;
            }

            var delta = new { role = "assistant", content = i == 0 ? words[i] : " " + words[i] };
            await SendAsync(context, new[] { new { index = 0, delta, finish_reason = (string?)null } }, null);
        }

        await SendAsync(context, new[] { new { index = 0, delta = new { }, finish_reason = "stop" } }, null);
        await SendAsync(context, Array.Empty<object>(), usage);
        await context.Response.WriteAsync("data: [DONE]\n\n");
    }

    private static async Task SendAsync(HttpContext context, object choices, object? usage)
    {
        var chunk = JsonSerializer.Serialize(new
        {
            id = "chatcmpl-1",
            @object = "chat.completion.chunk",
            created = 1_795_680_000,
            model = "echo",
            choices,
            usage,
        });
        await context.Response.WriteAsync($"data: {chunk}\n\n");
        await context.Response.Body.FlushAsync();
    }
}
