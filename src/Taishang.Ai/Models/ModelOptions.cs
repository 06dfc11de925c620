using System.Net;

namespace Taishang.Ai.Models;

/// <summary>Settings of everything that loads and runs models. Validated at start.</summary>
internal sealed class ModelOptions
{
    /// <summary>Largest value of <see cref="MaxRemoteBatches"/> and of a model's own.</summary>
    public const int RemoteBatchesLimit = 64;

    private const int DefaultMemoryShare = 4;

    /// <summary>Folder with one folder a model for the onnx provider. Default "data/models"; need not exist.</summary>
    public string ModelsFolder { get; set; } = Path.Combine("data", "models");

    /// <summary>Models kept loaded at once, 1 to 256; the one unused longest makes room. Default 8.</summary>
    public int MaxLoadedModels { get; set; } = 8;

    /// <summary>Bytes that the weights of all loaded ONNX models may take, as they are on disk; the ones unused longest
    /// make room. 0, the default, for a quarter of what the process may use.</summary>
    public long MaxModelMemoryBytes { get; set; }

    /// <summary>Calls that may wait for one ONNX model, 1 to 10,000; more are refused as busy. Default 256.</summary>
    public int MaxQueuedCalls { get; set; } = 256;

    /// <summary>Tokens that may wait for one ONNX model, 1,024 to 1 Gi; a call that finds others waiting and would pass
    /// it is refused as busy. Default 16 Mi, 128 MiB of memory.</summary>
    public long MaxQueuedTokens { get; set; } = 16 << 20;

    /// <summary>Texts that one run of an ONNX model takes, of one call or several, 1 to 1,024. Default 32: enough to
    /// fill the processors' vector units; beyond it only memory and the wait of the first text grow.</summary>
    public int MaxBatchTexts { get; set; } = 32;

    /// <summary>Tokens of one run, padding included, 512 to 1 Mi; a single longer text is run all the same. Default
    /// 16,384.</summary>
    public int MaxBatchTokens { get; set; } = 16_384;

    /// <summary>Runs of one ONNX model at once, 1 to 64; 0, the default, for as many as fill the processors: one where
    /// a run uses all of them. More would only take them from each other.</summary>
    public int MaxConcurrentCalls { get; set; }

    /// <summary>Threads that one call may use, 1 to 256; 0, the default, for one each processor.</summary>
    public int Threads { get; set; }

    /// <summary>Bytes of an ONNX file that is still loaded. Default 4 GiB.</summary>
    public long MaxModelBytes { get; set; } = 4L << 30;

    /// <summary>Milliseconds that one request to a remote model may take, 100 to 600,000. Default 30,000.</summary>
    public int RemoteTimeoutMs { get; set; } = 30_000;

    /// <summary>Milliseconds in which a remote model must be connected, name look-up and TLS included, 100 to 60,000.
    /// Default 2,000: a target that is down must cost a route little.</summary>
    public int ConnectTimeoutMs { get; set; } = 2_000;

    /// <summary>Connections to one remote model, 1 to 10,000; calls beyond it wait. Default 256.</summary>
    public int MaxRemoteConnections { get; set; } = 256;

    /// <summary>Batches of one call that a remote embedding model is sent at once, 1 to 64; a model's parallel_batches
    /// goes before it. Default 4.</summary>
    public int MaxRemoteBatches { get; set; } = 4;

    /// <summary>Bytes of the body of a chat call, 1 KiB to 256 MiB. Default 32 MiB: pictures travel in it.</summary>
    public int MaxChatBodyBytes { get; set; } = 32 << 20;

    /// <summary>Bytes of one event of a streamed answer, 1 KiB to 64 MiB. Default 4 MiB.</summary>
    public int MaxRemoteEventBytes { get; set; } = 4 << 20;

    /// <summary>Workers that a call may pass on its way to its model, 1 to 8; it ends loops of models of provider
    /// remote. Default 2.</summary>
    public int MaxRemoteHops { get; set; } = 2;

    /// <summary>Bytes of a remote model's answer that are read, 1 KiB to 1 GiB. Default 256 MiB.</summary>
    public long MaxRemoteResponseBytes { get; set; } = 256L << 20;

    /// <summary>
    /// Private networks, as CIDR, that remote models may live in. Default none: public and loopback alone.
    /// Metadata addresses stay closed even if a listed network holds them.
    /// </summary>
    public IList<string> AllowedNetworks { get; } = [];

    /// <summary>What one call may bring.</summary>
    public EmbeddingLimits Limits { get; set; } = new();

    /// <summary>What <see cref="MaxConcurrentCalls"/> stands for, where a run has <paramref name="threads"/>.</summary>
    public int ConcurrentCallsOf(int threads)
    {
        if (MaxConcurrentCalls > 0) return MaxConcurrentCalls;
        return threads == 0 ? 1 : Math.Max(1, Environment.ProcessorCount / threads);
    }

    /// <summary>The budget that <see cref="MaxModelMemoryBytes"/> stands for.</summary>
    public long ModelMemoryBudget => MaxModelMemoryBytes > 0
        ? MaxModelMemoryBytes
        : GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / DefaultMemoryShare;

    /// <summary>Throws if a setting is out of its range, and names it.</summary>
    /// <exception cref="ArgumentException">The message names the setting, its range and what came.</exception>
    public void Validate()
    {
        if (string.IsNullOrWhiteSpace(ModelsFolder)) throw new ArgumentException("ModelsFolder is empty.");
        InRange(MaxLoadedModels, 1, 256, nameof(MaxLoadedModels));
        InRange(MaxQueuedCalls, 1, 10_000, nameof(MaxQueuedCalls));
        InRange(MaxModelMemoryBytes, 0, long.MaxValue, nameof(MaxModelMemoryBytes));
        InRange(MaxQueuedTokens, 1 << 10, 1 << 30, nameof(MaxQueuedTokens));
        InRange(MaxBatchTexts, 1, 1_024, nameof(MaxBatchTexts));
        InRange(MaxBatchTokens, 512, 1 << 20, nameof(MaxBatchTokens));
        InRange(MaxConcurrentCalls, 0, 64, nameof(MaxConcurrentCalls));
        InRange(Threads, 0, 256, nameof(Threads));
        InRange(MaxModelBytes, 1, long.MaxValue, nameof(MaxModelBytes));
        InRange(RemoteTimeoutMs, 100, 600_000, nameof(RemoteTimeoutMs));
        InRange(ConnectTimeoutMs, 100, 60_000, nameof(ConnectTimeoutMs));
        InRange(MaxRemoteConnections, 1, 10_000, nameof(MaxRemoteConnections));
        InRange(MaxRemoteBatches, 1, RemoteBatchesLimit, nameof(MaxRemoteBatches));
        InRange(MaxChatBodyBytes, 1 << 10, 256 << 20, nameof(MaxChatBodyBytes));
        InRange(MaxRemoteEventBytes, 1 << 10, 64 << 20, nameof(MaxRemoteEventBytes));
        InRange(MaxRemoteHops, 1, 8, nameof(MaxRemoteHops));
        InRange(MaxRemoteResponseBytes, 1 << 10, 1 << 30, nameof(MaxRemoteResponseBytes));
        foreach (string network in AllowedNetworks)
        {
            if (!IPNetwork.TryParse(network, out _))
                throw new ArgumentException($"AllowedNetworks: '{network}' is not a network such as 10.1.0.0/16.");
        }
    }

    private static void InRange(long value, long lowest, long highest, string name)
    {
        if (value < lowest || value > highest)
            throw new ArgumentException($"{name} is {value}; it must be from {lowest} to {highest}.");
    }
}
