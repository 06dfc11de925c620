namespace Taishang.Core.AiClient;

/// <summary>How core reaches its workers: section `Taishang:Ai`.</summary>
public sealed class AiClientOptions
{
    /// <summary>Addresses in one list; more would make every pick and every health round long.</summary>
    public const int AddressesMax = 64;

    /// <summary>
    /// Workers, separated by commas: <c>http://host:port</c>, <c>https://host:port</c>, <c>unix:///path</c>,
    /// <c>dns:///host:port</c> (every address of the name) or <c>consul://host:port/service</c> (its passing
    /// instances).
    /// </summary>
    public string Addresses { get; set; } = "http://127.0.0.1:7081";

    /// <summary>How long one connection may take to open. Milliseconds, 50–60,000.</summary>
    public int ConnectTimeoutMs { get; set; } = 2_000;

    /// <summary>Quiet time after which a connection is pinged. Seconds, 1–600.</summary>
    public int KeepAliveSeconds { get; set; } = 15;

    /// <summary>A ping unanswered for this long ends the connection. Seconds, 1–60.</summary>
    public int KeepAliveTimeoutSeconds { get; set; } = 5;

    /// <summary>Pause between two rounds of health checks. Milliseconds, 20–60,000.</summary>
    public int HealthIntervalMs { get; set; } = 1_000;

    /// <summary>
    /// A health check unanswered for this long counts as failed; five times as long before a worker has first served.
    /// Milliseconds, 20–60,000.
    /// </summary>
    public int HealthTimeoutMs { get; set; } = 1_000;

    /// <summary>Pause between two look-ups of `dns` and `consul` addresses. Milliseconds, 20–600,000.</summary>
    public int ResolveIntervalMs { get; set; } = 5_000;

    /// <summary>Token sent to Consul as X-Consul-Token; empty for none.</summary>
    public string ConsulToken { get; set; } = "";

    /// <summary>Attempts of one idempotent call, the first included. 1–10.</summary>
    public int AttemptsMax { get; set; } = 4;

    /// <summary>Upper bound of the first random pause between attempts; it doubles. Milliseconds, 1–10,000.</summary>
    public int BackoffBaseMs { get; set; } = 50;

    /// <summary>Upper bound of any pause between attempts. Milliseconds, BackoffBaseMs–60,000.</summary>
    public int BackoffMaxMs { get; set; } = 2_000;

    /// <summary>Retries allowed for every hundred calls, so that an outage is not doubled by retries. 0–100.</summary>
    public int RetryBudgetPercent { get; set; } = 20;

    /// <summary>Retries saved up for quiet times. 1–10,000.</summary>
    public int RetryBudgetReserve { get; set; } = 100;

    /// <summary>Largest message in either direction. Bytes, 4 MiB – 2047 MiB.</summary>
    public int MessageBytesMax { get; set; } = 512 * 1024 * 1024;

    /// <summary>Longest time of a call with all its attempts, where DeadlinesMs names none. Milliseconds.</summary>
    public int DeadlineMs { get; set; } = 30_000;

    /// <summary>Longest time of a call by method name. Milliseconds, 1–86,400,000.</summary>
    public Dictionary<string, int> DeadlinesMs { get; } = new(StringComparer.Ordinal)
    {
        ["DescribeWorker"] = 2_000,
        ["ComputeEmbedding"] = 60_000,
        ["InferenceModel"] = 60_000,
        ["Chat"] = 600_000,
        ["UpsertVectors"] = 60_000,
        ["DeleteVectors"] = 60_000,
        ["DropCollection"] = 60_000,
        ["BuildIndex"] = 6 * 3_600_000,
        ["CreateSnapshot"] = 6 * 3_600_000,
        ["RestoreSnapshot"] = 6 * 3_600_000,
    };

    /// <exception cref="InvalidOperationException">A value is out of its range.</exception>
    internal void Validate()
    {
        WorkerAddress.ParseList(Addresses);
        Require(ConnectTimeoutMs, 50, 60_000, nameof(ConnectTimeoutMs));
        Require(KeepAliveSeconds, 1, 600, nameof(KeepAliveSeconds));
        Require(KeepAliveTimeoutSeconds, 1, 60, nameof(KeepAliveTimeoutSeconds));
        Require(HealthIntervalMs, 20, 60_000, nameof(HealthIntervalMs));
        Require(HealthTimeoutMs, 20, 60_000, nameof(HealthTimeoutMs));
        Require(ResolveIntervalMs, 20, 600_000, nameof(ResolveIntervalMs));
        Require(AttemptsMax, 1, 10, nameof(AttemptsMax));
        Require(BackoffBaseMs, 1, 10_000, nameof(BackoffBaseMs));
        Require(BackoffMaxMs, BackoffBaseMs, 60_000, nameof(BackoffMaxMs));
        Require(RetryBudgetPercent, 0, 100, nameof(RetryBudgetPercent));
        Require(RetryBudgetReserve, 1, 10_000, nameof(RetryBudgetReserve));
        Require(MessageBytesMax, 4 * 1024 * 1024, 2047 * 1024 * 1024, nameof(MessageBytesMax));
        Require(DeadlineMs, 1, 86_400_000, nameof(DeadlineMs));
        foreach (var (method, value) in DeadlinesMs) Require(value, 1, 86_400_000, $"DeadlinesMs:{method}");
    }

    private static void Require(int value, int least, int most, string name)
    {
        if (value < least || value > most)
            throw new InvalidOperationException($"Taishang:Ai:{name}: expected {least} to {most}, came {value}");
    }
}
