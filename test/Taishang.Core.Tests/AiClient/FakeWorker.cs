using System.Collections.Concurrent;
using System.Net;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Health.V1;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Taishang.Contracts.Ai.V1;
using Taishang.Testing.Processes;

namespace Taishang.Core.Tests.AiClient;

/// <summary>A real gRPC server on loopback that answers, or misbehaves, as the test says.</summary>
internal sealed class FakeWorker : IAsyncDisposable
{
    private WebApplication? _app;

    public string Id { get; set; } = Guid.CreateVersion7().ToString();

    public int Port { get; private set; }

    public string Address => $"http://127.0.0.1:{Port}";

    /// <summary>Names of the calls that arrived, health and identity aside.</summary>
    public ConcurrentQueue<string> Calls { get; } = new();

    public HealthCheckResponse.Types.ServingStatus Health { get; set; } =
        HealthCheckResponse.Types.ServingStatus.Serving;

    /// <summary>Runs before each answer to a health check.</summary>
    public Func<CancellationToken, Task> BeforeHealth { get; set; } = _ => Task.CompletedTask;

    /// <summary>Runs before each answer; may throw or wait.</summary>
    public Func<string, ServerCallContext, Task> Before { get; set; } = (_, _) => Task.CompletedTask;

    public Func<SearchVectorsRequest, SearchVectorsResponse> Search { get; set; } = _ => new SearchVectorsResponse();

    public Func<ComputeEmbeddingRequest, ComputeEmbeddingResponse> Embed { get; set; } =
        _ => new ComputeEmbeddingResponse();

    public List<BuildIndexProgress> Build { get; set; } = [];

    /// <summary>Sends the events of a chat; may throw or wait.</summary>
    public Func<ChatRequest, IServerStreamWriter<ChatEvent>, ServerCallContext, Task> Chat { get; set; } =
        (_, _, _) => Task.CompletedTask;

    /// <summary>Bytes sent instead of a message for every call but health and identity.</summary>
    public byte[]? Garbage { get; set; }

    public int Count(string method) => Calls.Count(call => call == method);

    public static async Task<FakeWorker> StartAsync(int port = 0, string? id = null, string? socket = null)
    {
        var worker = new FakeWorker();
        if (id is not null) worker.Id = id;
        // Known beforehand, because a worker may go away and come back.
        await worker.ListenAsync(port == 0 ? LoopbackPort.Free() : port, socket);
        return worker;
    }

    /// <summary>Goes away as a killed process would: connections break.</summary>
    public async Task KillAsync()
    {
        if (_app is null) return;
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
        _app = null;
    }

    public Task RestartAsync() => ListenAsync(Port, null);

    public async ValueTask DisposeAsync() => await KillAsync();

    private async Task ListenAsync(int port, string? socket)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = null;
            if (socket is null) kestrel.Listen(IPAddress.Loopback, port, Http2);
            else kestrel.ListenUnixSocket(socket, Http2);
        });
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(1));
        builder.Services.AddRouting();
        builder.Services.AddGrpc(grpc =>
        {
            grpc.MaxReceiveMessageSize = null;
            grpc.MaxSendMessageSize = null;
        });
        builder.Services.AddSingleton(this);
        var app = builder.Build();
        app.Use(AnswerGarbageAsync);
        app.UseRouting();
        app.MapGrpcService<FakeAiService>();
        app.MapGrpcService<FakeHealth>();
        await app.StartAsync();
        if (socket is null) Port = new Uri(app.Urls.First()).Port;
        _app = app;
    }

    private static void Http2(ListenOptions listen) => listen.Protocols = HttpProtocols.Http2;

    private async Task AnswerGarbageAsync(HttpContext context, RequestDelegate next)
    {
        var path = context.Request.Path.Value ?? "";
        if (Garbage is not { } garbage || path.EndsWith("/Check", StringComparison.Ordinal)
            || path.EndsWith("/DescribeWorker", StringComparison.Ordinal))
        {
            await next(context);
            return;
        }

        Calls.Enqueue(path[(path.LastIndexOf('/') + 1)..]);
        context.Response.ContentType = "application/grpc";
        context.Response.AppendTrailer("grpc-status", "0");
        await context.Response.Body.WriteAsync(garbage);
    }

    private sealed class FakeHealth(FakeWorker worker) : Grpc.Health.V1.Health.HealthBase
    {
        public override async Task<HealthCheckResponse> Check(HealthCheckRequest request, ServerCallContext context)
        {
            await worker.BeforeHealth(context.CancellationToken);
            return new HealthCheckResponse { Status = worker.Health };
        }
    }

    private sealed class FakeAiService(FakeWorker worker) : AiService.AiServiceBase
    {
        public override Task<DescribeWorkerResponse> DescribeWorker(
            DescribeWorkerRequest request, ServerCallContext context) =>
            Task.FromResult(new DescribeWorkerResponse { WorkerId = worker.Id, Version = "1.0.0" });

        public override Task<SearchVectorsResponse> SearchVectors(
            SearchVectorsRequest request, ServerCallContext context) =>
            AnswerAsync("SearchVectors", context, () => worker.Search(request));

        public override Task<ComputeEmbeddingResponse> ComputeEmbedding(
            ComputeEmbeddingRequest request, ServerCallContext context) =>
            AnswerAsync("ComputeEmbedding", context, () => worker.Embed(request));

        public override Task<UpsertVectorsResponse> UpsertVectors(
            UpsertVectorsRequest request, ServerCallContext context) =>
            AnswerAsync("UpsertVectors", context, () => new UpsertVectorsResponse { Count = request.Rows.Count });

        public override Task<DeleteVectorsResponse> DeleteVectors(
            DeleteVectorsRequest request, ServerCallContext context) =>
            AnswerAsync("DeleteVectors", context, () => new DeleteVectorsResponse { Count = request.Ids.Count });

        public override Task<CountVectorsResponse> CountVectors(
            CountVectorsRequest request, ServerCallContext context) =>
            AnswerAsync("CountVectors", context, () => new CountVectorsResponse { Count = 7 });

        public override async Task BuildIndex(
            BuildIndexRequest request, IServerStreamWriter<BuildIndexProgress> responseStream,
            ServerCallContext context)
        {
            worker.Calls.Enqueue("BuildIndex");
            await worker.Before("BuildIndex", context);
            foreach (var progress in worker.Build) await responseStream.WriteAsync(progress);
        }

        public override async Task Chat(
            ChatRequest request, IServerStreamWriter<ChatEvent> responseStream, ServerCallContext context)
        {
            worker.Calls.Enqueue("Chat");
            await worker.Chat(request, responseStream, context);
        }

        private async Task<T> AnswerAsync<T>(string method, ServerCallContext context, Func<T> answer)
            where T : IMessage
        {
            worker.Calls.Enqueue(method);
            await worker.Before(method, context);
            return answer();
        }
    }
}
