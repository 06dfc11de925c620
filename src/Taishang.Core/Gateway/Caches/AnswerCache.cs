using Google.Protobuf;
using Microsoft.Extensions.Options;

namespace Taishang.Core.Gateway.Caches;

/// <summary>
/// Whole answers to exactly the same question: of inference, and of chat, where a streamed answer is kept as its
/// parts. Only for routes that ask for it.
/// </summary>
internal sealed class AnswerCache
{
    public const byte Inference = (byte)'i';
    public const byte Chat = (byte)'c';
    public const byte StreamedChat = (byte)'s';

    private const string Name = "answers";
    private const int PartBytes = 40;

    private readonly ByteCache<IReadOnlyList<IMessage>> _entries;
    private readonly GatewayMetrics _metrics;
    private readonly GatewayOptions _options;

    public AnswerCache(IOptions<GatewayOptions> options, GatewayMetrics metrics, TimeProvider time)
    {
        (_options, _metrics) = (options.Value, metrics);
        _entries = new ByteCache<IReadOnlyList<IMessage>>((long)_options.AnswerCacheMb << 20, time);
        metrics.Watch(Name, () => _entries.Bytes);
    }

    /// <summary>How long a call's answer may be kept; null when it is neither looked up nor kept.</summary>
    public TimeSpan? TtlOf(CallAttempt attempt) =>
        !attempt.IsShadow && _options.AnswerCacheMb > 0
        && attempt.Call.Route?.Definition.Cache is { Answers: true } cache
            ? TimeSpan.FromSeconds(cache.TtlSeconds) : null;

    public static CacheKey KeyOf(CallAttempt attempt, byte kind, ReadOnlySpan<byte> question) =>
        CacheKey.Of(kind, attempt.Call.Caller.Tenant, attempt.Model, "", question);

    /// <summary>The answer's messages in their order, shared: not to be changed.</summary>
    public IReadOnlyList<IMessage>? Find(in CacheKey key)
    {
        var found = _entries.Find(key);
        _metrics.LookedUp(Name, found is null ? 0 : 1, found is null ? 1 : 0);
        return found;
    }

    public void Add(in CacheKey key, IReadOnlyList<IMessage> messages, TimeSpan ttl) =>
        _entries.Add(key, messages, messages.Sum(message => (long)message.CalculateSize() + PartBytes), ttl);
}
