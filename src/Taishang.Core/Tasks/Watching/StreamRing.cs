namespace Taishang.Core.Tasks.Watching;

/// <summary>
/// The newest frames, shared by all readers: each has a place in it and none has a queue of its own, so a slow reader
/// holds nothing. One that is overtaken learns so.
/// </summary>
internal sealed class StreamRing(int capacity)
{
    private readonly Lock _gate = new();
    private readonly StreamFrame[] _frames = new StreamFrame[capacity];
    private long _next;
    private TaskCompletionSource _more = Signal();

    /// <summary>The place of the next frame.</summary>
    public long Next
    {
        get
        {
            lock (_gate) return _next;
        }
    }

    public void Append(List<StreamFrame> frames)
    {
        if (frames.Count == 0) return;
        TaskCompletionSource more;
        lock (_gate)
        {
            foreach (var frame in frames) _frames[_next++ % capacity] = frame;
            more = _more;
            _more = Signal();
        }

        more.SetResult();
    }

    /// <summary>Frames from a place on; null when it was overtaken. Moves the place behind them.</summary>
    public List<StreamFrame>? Read(ref long place, int max)
    {
        lock (_gate)
        {
            if (_next - place > capacity) return null;
            var frames = new List<StreamFrame>((int)Math.Min(max, _next - place));
            while (place < _next && frames.Count < max) frames.Add(_frames[place++ % capacity]);
            return frames;
        }
    }

    /// <summary>Completes when there is something at the place or behind it.</summary>
    public Task MoreAsync(long place)
    {
        lock (_gate) return _next > place ? Task.CompletedTask : _more.Task;
    }

    private static TaskCompletionSource Signal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
