namespace Taishang.Core.Tasks.Watching;

/// <summary>
/// How fast an attempt moves: percent a second over its last reports, so that an early slow or quick part is forgotten.
/// The first point is the progress with which the attempt began: what an earlier one did took none of its time.
/// </summary>
internal sealed class ProgressRate
{
    /// <summary>Reports that are remembered; each is at least one percent further than the one before.</summary>
    private const int PointsMax = 16;

    private readonly TimeProvider _time;
    private readonly Queue<(long At, int Percent)> _points = new(PointsMax);
    private (long At, int Percent) _last;

    public ProgressRate(TimeProvider time, int from)
    {
        _time = time;
        _last = (time.GetTimestamp(), from);
        _points.Enqueue(_last);
    }

    /// <summary>Null until the first step forward.</summary>
    public double? PercentPerSecond { get; private set; }

    public void Report(int percent)
    {
        if (percent == _last.Percent) return;
        var now = _time.GetTimestamp();
        // Work that was thrown away is not speed: what is known begins anew.
        if (percent < _last.Percent) _points.Clear();
        else if (_points.Count == PointsMax) _points.Dequeue();
        _last = (now, percent);
        _points.Enqueue(_last);
        var first = _points.Peek();
        var seconds = _time.GetElapsedTime(first.At, now).TotalSeconds;
        PercentPerSecond = seconds > 0 && percent > first.Percent ? (percent - first.Percent) / seconds : null;
    }

    /// <summary>Milliseconds from this progress to the end at this rate; null when nothing is known.</summary>
    public static long? TimeLeftMs(int percent, double? percentPerSecond) => percentPerSecond is > 0 and var rate
        ? (long)Math.Min(NewTask.TimeoutMsMax, (100 - percent) * 1000.0 / rate)
        : null;
}
