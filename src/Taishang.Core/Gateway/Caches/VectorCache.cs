using System.Globalization;
using Microsoft.Extensions.Options;
using Taishang.Contracts.Ai.V1;

namespace Taishang.Core.Gateway.Caches;

/// <summary>Vectors of texts, each by itself, so that a batch may find some of its texts here.</summary>
internal sealed class VectorCache
{
    private const byte Kind = (byte)'v';
    private const string Name = "vectors";

    private readonly ByteCache<CachedVector> _entries;
    private readonly GatewayMetrics _metrics;
    private readonly GatewayOptions _options;

    public VectorCache(IOptions<GatewayOptions> options, GatewayMetrics metrics, TimeProvider time)
    {
        (_options, _metrics) = (options.Value, metrics);
        _entries = new ByteCache<CachedVector>((long)_options.VectorCacheMb << 20, time);
        metrics.Watch(Name, () => _entries.Bytes);
    }

    /// <summary>How long vectors of a call may be kept; null when it neither reads nor writes them.</summary>
    public TimeSpan? TtlOf(CallAttempt attempt)
    {
        if (attempt.IsShadow || attempt.Call.IsBulk || _options.VectorCacheMb == 0) return null;
        if (attempt.Call.Route?.Definition.Cache is { } cache)
            return cache.Vectors ? TimeSpan.FromSeconds(cache.TtlSeconds) : null;
        return _options.CacheDirectVectors ? TimeSpan.FromSeconds(_options.DirectTtlSeconds) : null;
    }

    public static CacheKey KeyOf(CallAttempt attempt, string text, int? dimensions) => CacheKey.Of(
        Kind, attempt.Call.Caller.Tenant, attempt.Model,
        dimensions?.ToString(CultureInfo.InvariantCulture) ?? "", text);

    public CachedVector? Find(in CacheKey key) => _entries.Find(key);

    public void Add(in CacheKey key, CachedVector vector, TimeSpan ttl) =>
        _entries.Add(key, vector, vector.Bytes, ttl);

    public void LookedUp(int hits, int misses) => _metrics.LookedUp(Name, hits, misses);
}

/// <param name="Embedding">Shared by all who find it: not to be changed.</param>
/// <param name="Tokens">Of its text, as the model counted them, or its share of its batch's.</param>
internal sealed record CachedVector(Embedding Embedding, long Tokens)
{
    /// <summary>Of the objects around the numbers.</summary>
    private const int FrameBytes = 120;

    public int Bytes => (Embedding.Values.Count * sizeof(float)) + FrameBytes;
}
