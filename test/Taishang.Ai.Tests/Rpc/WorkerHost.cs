using System.Net;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Taishang.Ai.Indexes;
using Taishang.Contracts.Ai.V1;
using Taishang.Hosting;

namespace Taishang.Ai.Tests.Rpc;

/// <summary>A worker of one test: a real Kestrel on a free loopback port, asked through a real channel.</summary>
internal sealed class WorkerHost : IAsyncDisposable
{
    public const int MessageBytesMax = 256 << 20;

    /// <summary>Rows of <see cref="CreateSlowToBuildAsync"/>.</summary>
    public const int SlowRows = 4_000;

    private const int SlowDims = 64;

    private readonly GrpcChannel _grpc;

    private WorkerHost(WebApplication app, string address)
    {
        App = app;
        Address = address;
        _grpc = GrpcChannel.ForAddress(address, new GrpcChannelOptions
        {
            MaxReceiveMessageSize = MessageBytesMax,
            MaxSendMessageSize = MessageBytesMax,
        });
        Client = new AiService.AiServiceClient(_grpc);
        Health = new Health.HealthClient(_grpc);
    }

    public WebApplication App { get; }

    public string Address { get; }

    public AiService.AiServiceClient Client { get; }

    public Health.HealthClient Health { get; }

    public T Get<T>()
        where T : notnull => App.Services.GetRequiredService<T>();

    /// <summary>Starts a worker and waits until its collections are open.</summary>
    public static async Task<WorkerHost> StartAsync(
        string dataFolder, Action<WebApplicationBuilder>? configure = null, bool waitUntilOpened = true)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "taishang" });
        builder.Configuration["Taishang:Data"] = dataFolder;
        builder.WebHost.UseKestrelCore().ConfigureKestrel(
            kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        builder.AddTaishangHosting("taishang-test", telemetry: false);
        builder.Logging.ClearProviders();
        builder.Services.AddRouting();
        configure?.Invoke(builder);
        builder.Services.AddTaishangAi(builder.Configuration);
        var app = builder.Build();
        app.UseTaishangHosting();
        app.UseRouting();
        app.MapTaishangAi();
        app.MapTaishangHosting();
        await app.StartAsync();
        var addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!;
        var host = new WorkerHost(app, addresses.Addresses.First());
        if (waitUntilOpened)
            await host.Get<CollectionStore>().Opened.WaitAsync(TimeSpan.FromSeconds(30));
        return host;
    }

    /// <summary>As <see cref="StartAsync"/>, with one thread for index builds.</summary>
    public static Task<WorkerHost> StartWithOneBuilderAsync(string dataFolder) =>
        StartAsync(dataFolder, builder => builder.Configuration[$"{IndexOptions.Section}:BuildThreads"] = "1");

    /// <summary>Makes a collection under a fresh id.</summary>
    public async Task<string> CreateAsync(
        int dims = 3, Metric metric = Metric.L2, IndexType indexType = IndexType.Flat, string? id = null,
        int efConstruction = 0)
    {
        id ??= Guid.CreateVersion7().ToString("D");
        await Client.CreateCollectionAsync(new CreateCollectionRequest
        {
            CollectionId = id,
            Spec = new CollectionSpec
            {
                Dims = dims,
                Metric = metric,
                IndexType = indexType,
                EfConstruction = efConstruction,
            },
        });
        return id;
    }

    /// <summary>
    /// Makes a collection with rows whose build takes seconds, also on a fast machine, so that whatever a test does
    /// after its first word finds it running.
    /// </summary>
    public async Task<string> CreateSlowToBuildAsync()
    {
        var id = await CreateAsync(SlowDims, Metric.L2, IndexType.Hnsw, efConstruction: 2_000);
        await UpsertAsync(id, RandomRows(SlowRows, SlowDims, seed: 6));
        return id;
    }

    public async Task<int> UpsertAsync(string collection, params Row[] rows) =>
        (await Client.UpsertVectorsAsync(
            new UpsertVectorsRequest { CollectionId = collection, Rows = { rows } })).Count;

    public async Task<Hits> SearchAsync(string collection, float[] vector, int topK = 10)
    {
        var answer = await Client.SearchVectorsAsync(Question(collection, vector, topK));
        return Assert.Single(answer.Answers);
    }

    public async Task<long> CountAsync(string collection) =>
        (await Client.CountVectorsAsync(new CountVectorsRequest { CollectionId = collection })).Count;

    public static SearchVectorsRequest Question(string collection, float[] vector, int topK = 10) => new()
    {
        CollectionId = collection,
        TopK = topK,
        Queries = { new QueryVector { Values = { vector } } },
    };

    public static Row Row(string id, float[] vector, string metadata = "") => new()
    {
        Id = new RowId { Text = id },
        Vector = { vector },
        MetadataJson = ByteString.CopyFromUtf8(metadata),
    };

    /// <summary>Rows of seeded random components.</summary>
    public static Row[] RandomRows(int count, int dims, int seed)
    {
        var random = new Random(seed);
        return
        [
            .. Enumerable.Range(0, count).Select(i => Row(
                $"r{i}", [.. Enumerable.Range(0, dims).Select(_ => (float)((random.NextDouble() * 2) - 1))])),
        ];
    }

    public async ValueTask DisposeAsync()
    {
        _grpc.Dispose();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        await App.StopAsync(limit.Token);
        await App.DisposeAsync();
    }
}
