using System.Diagnostics;
using System.Diagnostics.Metrics;
using Taishang.Core.Api;

namespace Taishang.Core.Vectors;

/// <summary>What passes through the routes of vectors, by operation and outcome.</summary>
internal sealed class VectorMetrics : IDisposable
{
    public const string MeterName = "Taishang.Core.Vectors";

    private readonly Meter _meter;
    private readonly Histogram<double> _durations;
    private readonly Histogram<double> _engine;
    private readonly Counter<long> _upserted;
    private readonly Counter<long> _deleted;
    private readonly Counter<long> _tokens;

    public VectorMetrics(IMeterFactory meters)
    {
        _meter = meters.Create(MeterName);
        _durations = _meter.CreateHistogram<double>(
            "taishang.vectors.request.duration", "s", "Time from a parsed route to its written answer.");
        _engine = _meter.CreateHistogram<double>(
            "taishang.vectors.search.engine.duration", "s", "Time of a search inside the engine, as the worker says.");
        _upserted = _meter.CreateCounter<long>("taishang.vectors.upserted", "{row}", "Rows written.");
        _deleted = _meter.CreateCounter<long>("taishang.vectors.deleted", "{row}", "Live rows deleted.");
        _tokens = _meter.CreateCounter<long>("taishang.vectors.embedded", "{token}", "Tokens embedded for callers.");
    }

    /// <summary>Runs one request and records how long it took and how it ended: ok, or the error's name.</summary>
    public async Task MeasureAsync(string operation, Func<Task> run)
    {
        var started = Stopwatch.GetTimestamp();
        var outcome = "ok";
        try
        {
            await run();
        }
        catch (Exception e)
        {
            outcome = e is OperationCanceledException ? ErrorCodes.Cancelled.Name : ErrorResponses.ToApi(e).Code.Name;
            throw;
        }
        finally
        {
            _durations.Record(
                Stopwatch.GetElapsedTime(started).TotalSeconds,
                new KeyValuePair<string, object?>("operation", operation),
                new KeyValuePair<string, object?>("outcome", outcome));
        }
    }

    public void Searched(long engineMicroseconds) => _engine.Record(engineMicroseconds / 1e6);

    public void Upserted(long rows) => _upserted.Add(rows);

    public void Deleted(long rows) => _deleted.Add(rows);

    public void Embedded(long tokens) => _tokens.Add(tokens);

    public void Dispose() => _meter.Dispose();
}
