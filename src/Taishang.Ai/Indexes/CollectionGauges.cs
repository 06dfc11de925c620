using System.Diagnostics.Metrics;
using Taishang.VectorEngine;

namespace Taishang.Ai.Indexes;

/// <summary>
/// Rows and bytes of the collections as gauges. Describing a collection looks at its files, so one look serves all
/// gauges for some seconds; only the largest collections are named, so that a worker with thousands of them does not
/// flood whoever scrapes it.
/// </summary>
internal sealed class CollectionGauges
{
    private const string Other = "other";

    private readonly CollectionStore _store;
    private readonly IndexOptions _options;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private IReadOnlyList<Sample> _samples = [];
    private (long Memory, long Disk) _hot;
    private (long Memory, long Disk) _cold;
    private long? _sampledAt;

    public CollectionGauges(
        CollectionStore store, CallGates gates, AiMetrics metrics, IndexOptions options, TimeProvider time)
    {
        (_store, _options, _time) = (store, options, time);
        var meter = metrics.Meter;
        Gauge(meter, "taishang.ai.collection.live_rows", "{row}", sample => sample.LiveRows);
        Gauge(meter, "taishang.ai.collection.dead_rows", "{row}", sample => sample.DeadRows);
        Gauge(meter, "taishang.ai.collection.indexed_rows", "{row}", sample => sample.IndexedRows);
        Gauge(meter, "taishang.ai.collection.disk", "By", sample => sample.DiskBytes);
        Gauge(meter, "taishang.ai.collection.memory", "By", sample => sample.MemoryBytes);
        meter.CreateObservableGauge("taishang.ai.tier.memory", () => Tiers(tier => tier.Memory), "By");
        meter.CreateObservableGauge("taishang.ai.tier.disk", () => Tiers(tier => tier.Disk), "By");
        meter.CreateObservableGauge("taishang.ai.collections", CountStates, "{collection}");
        meter.CreateObservableGauge("taishang.ai.search.waiting", () => gates.Searches.WaitingCount, "{call}");
        meter.CreateObservableGauge("taishang.ai.search.running", () => gates.Searches.RunningCount, "{call}");
    }

    private void Gauge(Meter meter, string name, string unit, Func<Sample, long> pick) => meter.CreateObservableGauge(
        name,
        () => Samples().Select(sample => new Measurement<long>(
            pick(sample), new KeyValuePair<string, object?>("collection_id", sample.Name))),
        unit);

    private Measurement<int>[] CountStates() =>
    [
        .. Enum.GetValues<CollectionState>().Select(state => new Measurement<int>(
            _store.Entries.Count(entry => entry.State == state),
            new KeyValuePair<string, object?>("state", state.ToString().ToLowerInvariant()))),
    ];

    private Measurement<long>[] Tiers(Func<(long Memory, long Disk), long> pick)
    {
        _ = Samples();
        return [new(pick(_hot), Tier("hot")), new(pick(_cold), Tier("cold"))];
    }

    private static KeyValuePair<string, object?> Tier(string name) => new("tier", name);

    private IReadOnlyList<Sample> Samples()
    {
        lock (_gate)
        {
            if (_sampledAt is { } at && _time.GetElapsedTime(at).TotalSeconds < _options.GaugeAgeSeconds)
                return _samples;
            _sampledAt = _time.GetTimestamp();
            return _samples = Take();
        }
    }

    private List<Sample> Take()
    {
        var all = new List<Sample>();
        (_hot, _cold) = (default, default);
        foreach (var entry in _store.Entries)
        {
            if (Describe(entry) is not var (description, isHot)) continue;
            ref var tier = ref isHot ? ref _hot : ref _cold;
            tier = (tier.Memory + description.MemoryBytes, tier.Disk + description.DiskBytes);
            all.Add(new Sample(entry.Id.ToString("D"), description));
        }

        if (all.Count <= _options.GaugeCollectionsMax) return all;
        all.Sort((a, b) => b.LiveRows.CompareTo(a.LiveRows));
        var rest = all.Skip(_options.GaugeCollectionsMax).ToList();
        return
        [
            .. all.Take(_options.GaugeCollectionsMax),
            new Sample(
                Other, rest.Sum(sample => sample.LiveRows), rest.Sum(sample => sample.DeadRows),
                rest.Sum(sample => sample.IndexedRows), rest.Sum(sample => sample.DiskBytes),
                rest.Sum(sample => sample.MemoryBytes)),
        ];
    }

    private static (CollectionDescription Description, bool IsHot)? Describe(CollectionEntry entry)
    {
        if (entry.TryDescribeCold() is { } cold) return (cold, false);
        // Broken, being read or being dropped: the gauge of states shows it.
        using var lease = entry.TryPeek();
        return lease is null ? null : (lease.Collection.Describe(), true);
    }

    private sealed record Sample(
        string Name, long LiveRows, long DeadRows, long IndexedRows, long DiskBytes, long MemoryBytes)
    {
        public Sample(string name, CollectionDescription description)
            : this(
                name, description.LiveRows, description.DeadRows, description.IndexedRows, description.DiskBytes,
                description.MemoryBytes)
        {
        }
    }
}
