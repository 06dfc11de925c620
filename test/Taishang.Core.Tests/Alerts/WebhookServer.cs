using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Taishang.Core.Tests.Alerts;

/// <summary>A receiver of webhooks on a real port that behaves as a test says, request by request.</summary>
internal sealed class WebhookServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentQueue<WebhookRequest> _requests = new();
    private Func<HttpContext, int, Task> _behave = (_, _) => Task.CompletedTask;
    private int _count;

    private WebhookServer(WebApplication app) => _app = app;

    public string Url { get; private set; } = "";

    public IReadOnlyList<WebhookRequest> Requests => [.. _requests];

    public static async Task<WebhookServer> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration["urls"] = "http://127.0.0.1:0";
        builder.Logging.ClearProviders();
        var app = builder.Build();
        var server = new WebhookServer(app);
        app.Run(server.AnswerAsync);
        await app.StartAsync();
        server.Url = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!
            .Addresses.First() + "/hook";
        return server;
    }

    /// <summary>Answers from now on; the number counts requests from 1.</summary>
    public void Behave(Func<HttpContext, int, Task> behave) => _behave = behave;

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync(new CancellationToken(canceled: true));
        await _app.DisposeAsync();
    }

    private async Task AnswerAsync(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body);
        var body = await reader.ReadToEndAsync();
        _requests.Enqueue(new WebhookRequest(
            context.Request.Path, body,
            context.Request.Headers.ToDictionary(one => one.Key, one => one.Value.ToString())));
        await _behave(context, Interlocked.Increment(ref _count));
    }
}

/// <summary>One request as it came.</summary>
internal sealed record WebhookRequest(string Path, string Body, Dictionary<string, string> Headers);
