using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Taishang.Ai;

/// <summary>
/// What the worker counts (meter "Taishang.Ai") and traces (source "Taishang.Ai"). Tags are few and of a known set:
/// methods, codes, index types, and the names of models that really loaded.
/// </summary>
internal sealed class AiMetrics : IDisposable
{
    public const string Name = "Taishang.Ai";

    public static readonly ActivitySource Source = new(Name);

    /// <summary>Close where budgets of recall lie.</summary>
    private static readonly double[] RecallBoundaries = [0.5, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995, 0.999, 1];

    private readonly Meter _meter = new(Name);
    private readonly Histogram<double> _call;
    private readonly Histogram<double> _search;
    private readonly Counter<long> _queries;
    private readonly Histogram<double> _upsert;
    private readonly Counter<long> _rows;
    private readonly Histogram<double> _build;
    private readonly Histogram<double> _recall;
    private readonly Counter<long> _recallMissed;
    private readonly Histogram<double> _load;
    private readonly Counter<long> _evictions;
    private readonly Histogram<double> _embed;
    private readonly Counter<long> _tokens;
    private readonly Histogram<double> _inference;
    private readonly Histogram<double> _chat;

    public AiMetrics()
    {
        _call = Seconds("taishang.ai.call.duration", "Whole calls as the worker sees them.");
        _search = Seconds("taishang.ai.search.duration", "Time of one query inside the engine.");
        _queries = _meter.CreateCounter<long>("taishang.ai.search.queries", "{query}", "Queries answered.");
        _upsert = Seconds("taishang.ai.upsert.duration", "Upserts inside the engine, until durable.");
        _rows = _meter.CreateCounter<long>("taishang.ai.rows", "{row}", "Rows written and deleted.");
        _build = Seconds("taishang.ai.build.duration", "Index builds.");
        _recall = _meter.CreateHistogram(
            "taishang.ai.search.recall", "1", "Share of the exact hits that a sampled search found.", tags: null,
            new InstrumentAdvice<double> { HistogramBucketBoundaries = RecallBoundaries });
        _recallMissed = _meter.CreateCounter<long>(
            "taishang.ai.search.recall.missed", "{search}", "Sampled searches that were not repeated.");
        _load = Seconds("taishang.ai.collection.load.duration", "Collections read from disk.");
        _evictions = _meter.CreateCounter<long>(
            "taishang.ai.collection.evictions", "{collection}", "Collections whose memory was released.");
        _embed = Seconds("taishang.ai.embed.duration", "Embedding calls.");
        _tokens = _meter.CreateCounter<long>("taishang.ai.tokens", "{token}", "Tokens read by models.");
        _inference = Seconds("taishang.ai.inference.duration", "Inference calls.");
        _chat = Seconds("taishang.ai.chat.duration", "Chats, from the call to the last piece.");
    }

    /// <summary>For gauges that their owners observe.</summary>
    public Meter Meter => _meter;

    public void Call(string method, string status, TimeSpan elapsed) => _call.Record(
        elapsed.TotalSeconds, new KeyValuePair<string, object?>("method", method),
        new KeyValuePair<string, object?>("status", status));

    public void Search(string indexType, int queries, TimeSpan engine)
    {
        var tag = new KeyValuePair<string, object?>("index_type", indexType);
        _queries.Add(queries, tag);
        if (queries > 0) _search.Record(engine.TotalSeconds / queries, tag);
    }

    public void Upsert(string indexType, int rows, TimeSpan engine)
    {
        _upsert.Record(engine.TotalSeconds, new KeyValuePair<string, object?>("index_type", indexType));
        _rows.Add(rows, new KeyValuePair<string, object?>("operation", "upsert"));
    }

    public void Load(TimeSpan elapsed) => _load.Record(elapsed.TotalSeconds);

    public void Recall(string indexType, double share) =>
        _recall.Record(share, new KeyValuePair<string, object?>("index_type", indexType));

    /// <param name="reason">queue_full, busy, cold, too_large or failed.</param>
    public void RecallMissed(string reason) =>
        _recallMissed.Add(1, new KeyValuePair<string, object?>("reason", reason));

    /// <param name="reason">idle, budget or room.</param>
    public void Eviction(string reason) => _evictions.Add(1, new KeyValuePair<string, object?>("reason", reason));

    public void Delete(int rows) => _rows.Add(rows, new KeyValuePair<string, object?>("operation", "delete"));

    public void Build(string indexType, TimeSpan elapsed) => _build.Record(
        elapsed.TotalSeconds, new KeyValuePair<string, object?>("index_type", indexType));

    public void Embed(string provider, string model, long tokens, TimeSpan elapsed)
    {
        var tags = Model(provider, model);
        _embed.Record(elapsed.TotalSeconds, tags);
        _tokens.Add(tokens, tags);
    }

    public void Inference(string provider, string model, long tokens, TimeSpan elapsed)
    {
        var tags = Model(provider, model);
        _inference.Record(elapsed.TotalSeconds, tags);
        if (tokens > 0) _tokens.Add(tokens, tags);
    }

    public void Chat(string provider, string model, long tokens, TimeSpan elapsed)
    {
        var tags = Model(provider, model);
        _chat.Record(elapsed.TotalSeconds, tags);
        _tokens.Add(tokens, tags);
    }

    public void Dispose() => _meter.Dispose();

    private static TagList Model(string provider, string model) =>
        new() { { "provider", provider }, { "model", model } };

    private Histogram<double> Seconds(string name, string description) =>
        _meter.CreateHistogram<double>(name, "s", description);
}
