using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Taishang.VectorEngine;

namespace Taishang.Ai.Indexes;

/// <summary>A search to be repeated exactly.</summary>
/// <param name="CollectionId">Where.</param>
/// <param name="IndexName">The tag of metrics.</param>
/// <param name="Request">As it was asked, with its vector.</param>
internal sealed record RecallSample(Guid CollectionId, string IndexName, SearchRequest Request);

/// <summary>
/// Measures what approximate searches find: a small share of them is repeated in the background, once as it was asked
/// and once exactly, and the two are compared. Both are asked anew, one right after the other, so that rows written
/// since do not count as missed. A measurement takes a search's place only while nobody else wants one; what does not
/// come to its turn is dropped and counted, never waited for.
/// </summary>
internal sealed class RecallSampler(
    CollectionStore store, CallGates gates, AiMetrics metrics, IndexOptions options, ILogger<RecallSampler> logger)
    : BackgroundService
{
    /// <summary>Distances that differ by less are ties: the same row may come out of codes and of floats.</summary>
    private const float TieShare = 1e-5f;

    private readonly Channel<RecallSample> _queue = Channel.CreateBounded<RecallSample>(
        new BoundedChannelOptions(options.RecallQueueMax) { SingleReader = true });

    private readonly ulong _threshold = options.RecallShare >= 1
        ? ulong.MaxValue : (ulong)(options.RecallShare * ulong.MaxValue);

    private long _seen;

    /// <summary>Whether the search that is being answered is one of those to repeat. The same seed chooses the same
    /// ones of a sequence of searches.</summary>
    public bool Wants() =>
        _threshold > 0 && Mixed((ulong)options.RecallSeed + (ulong)Interlocked.Increment(ref _seen)) <= _threshold;

    public void Offer(RecallSample sample)
    {
        if (!_queue.Writer.TryWrite(sample)) metrics.RecallMissed("queue_full");
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await foreach (var sample in _queue.Reader.ReadAllAsync(stoppingToken))
        {
            try
            {
                Measure(sample, stoppingToken);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                // The caller had his answer; a collection that was dropped meanwhile is no fault.
                metrics.RecallMissed("failed");
                logger.LogDebug(e, "A search of {CollectionId} could not be repeated", sample.CollectionId);
            }
        }
    }

    /// <summary>The share of the exact hits, by distance, that the search found; 1 where there was nothing to find.
    /// </summary>
    public static double Recall(SearchAnswer found, SearchAnswer exact)
    {
        if (exact.Hits.Count == 0) return 1;
        var farthest = exact.Hits[^1].Distance;
        var bound = farthest + Math.Abs(farthest) * TieShare;
        var right = exact.Hits.Select(hit => hit.Id).ToHashSet();
        var count = found.Hits.Count(hit => right.Contains(hit.Id) || hit.Distance <= bound);
        return (double)Math.Min(count, exact.Hits.Count) / exact.Hits.Count;
    }

    private void Measure(RecallSample sample, CancellationToken cancellation)
    {
        using var lease = store.TryPeek(sample.CollectionId);
        if (lease is null)
        {
            metrics.RecallMissed("cold");
            return;
        }

        if (lease.Collection.Count() > options.RecallRowsMax)
        {
            metrics.RecallMissed("too_large");
            return;
        }

        using var idle = gates.Searches.TakeIdle(1);
        if (idle.Count == 0)
        {
            metrics.RecallMissed("busy");
            return;
        }

        var found = lease.Collection.Search(sample.Request, cancellation);
        var exact = lease.Collection.Search(sample.Request with { Exact = true }, cancellation);
        metrics.Recall(sample.IndexName, Recall(found, exact));
    }

    /// <summary>Spreads a counter over all 64-bit numbers (the finaliser of SplitMix64).</summary>
    private static ulong Mixed(ulong value)
    {
        unchecked
        {
            value *= 0x9E37_79B9_7F4A_7C15;
            value = (value ^ (value >> 30)) * 0xBF58_476D_1CE4_E5B9;
            value = (value ^ (value >> 27)) * 0x94D0_49BB_1331_11EB;
            return value ^ (value >> 31);
        }
    }
}
