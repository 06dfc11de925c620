using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Taishang.Core.Tasks;

/// <summary>Figures and traces of tasks, under the name that hosts listen to.</summary>
public sealed class TaskMetrics : IDisposable
{
    public const string Name = "Taishang.Core.Tasks";

    internal static readonly ActivitySource Activities = new(Name);

    private readonly Meter _meter;
    private readonly Counter<long> _created;
    private readonly Counter<long> _completed;
    private readonly Counter<long> _failed;
    private readonly Counter<long> _retried;
    private readonly Counter<long> _rescued;
    private readonly Histogram<double> _duration;

    public TaskMetrics(TaskDepth depth, IMeterFactory? factory = null)
    {
        _meter = factory?.Create(Name) ?? new Meter(Name);
        _created = _meter.CreateCounter<long>("taishang.tasks.created", "{task}", "Tasks created");
        _completed = _meter.CreateCounter<long>("taishang.tasks.completed", "{task}", "Tasks that completed");
        _failed = _meter.CreateCounter<long>("taishang.tasks.failed", "{task}", "Tasks that failed for good");
        _retried = _meter.CreateCounter<long>("taishang.tasks.retried", "{attempt}", "Attempts to be tried again");
        _rescued = _meter.CreateCounter<long>("taishang.tasks.rescued", "{attempt}", "Dead or hung attempts rescued");
        _duration = _meter.CreateHistogram<double>("taishang.tasks.attempt.duration", "s", "Time of an attempt");
        _meter.CreateObservableGauge(
            "taishang.tasks.queue.depth",
            () => new[]
            {
                new Measurement<long>(depth.Queued, new KeyValuePair<string, object?>("state", "queued")),
                new Measurement<long>(depth.Running, new KeyValuePair<string, object?>("state", "running")),
            },
            "{task}",
            "Live tasks");
        _meter.CreateObservableGauge(
            "taishang.tasks.queue.oldest_age", () => depth.OldestSeconds, "s", "Age of the first due task that waits");
    }

    public void Created(string type) => _created.Add(1, Type(type));

    internal void Ended(TaskState state, string type)
    {
        if (state == TaskState.Completed) _completed.Add(1, Type(type));
        else if (state == TaskState.Failed) _failed.Add(1, Type(type));
    }

    internal void Retried(string type) => _retried.Add(1, Type(type));

    internal void Rescued(string type) => _rescued.Add(1, Type(type));

    internal void Attempted(string type, TimeSpan duration) => _duration.Record(duration.TotalSeconds, Type(type));

    public void Dispose() => _meter.Dispose();

    private static KeyValuePair<string, object?> Type(string type) => new("type", type);
}
