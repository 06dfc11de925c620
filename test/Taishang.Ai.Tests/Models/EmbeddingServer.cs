using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Taishang.Ai.Tests.Models;

/// <summary>
/// A real HTTP server on loopback that speaks the OpenAI form of embeddings: the vector of a text is (its length, 1,
/// 0),
/// its tokens are its words. A test may put another answer in its place.
/// </summary>
internal sealed class EmbeddingServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private EmbeddingServer(WebApplication app) => _app = app;

    /// <summary>Answers instead of the normal answer, if set.</summary>
    public Func<HttpContext, Task>? Instead { get; set; }

    /// <summary>The Authorization headers that came, in order.</summary>
    public List<string> Authorizations { get; } = [];

    /// <summary>Texts in each request that came, in order.</summary>
    public List<int> BatchSizes { get; } = [];

    public string Endpoint { get; private set; } = "";

    public static async Task<EmbeddingServer> StartAsync()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        WebApplication app = builder.Build();
        var server = new EmbeddingServer(app);
        app.Run(server.AnswerAsync);
        await app.StartAsync();
        string address = app.Services.GetRequiredService<IServer>().Features
            .Get<IServerAddressesFeature>()?.Addresses.FirstOrDefault()
            ?? throw new InvalidOperationException("The server has no address.");
        server.Endpoint = address + "/v1";
        return server;
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        lock (Authorizations) Authorizations.Add(context.Request.Headers.Authorization.ToString());
        if (Instead is { } instead)
        {
            await instead(context);
            return;
        }
        using JsonDocument request = await JsonDocument.ParseAsync(context.Request.Body);
        string[] texts = [.. request.RootElement.GetProperty("input").EnumerateArray()
            .Select(text => text.GetString() ?? "")];
        lock (BatchSizes) BatchSizes.Add(texts.Length);
        // Backwards, because only the index says which vector is whose.
        await context.Response.WriteAsJsonAsync(new
        {
            model = request.RootElement.GetProperty("model").GetString(),
            data = texts.Select((text, index) => new { index, embedding = (float[])[text.Length, 1, 0] }).Reverse(),
            usage = new { prompt_tokens = texts.Sum(text => text.Split(' ').Length) },
        });
    }
}
