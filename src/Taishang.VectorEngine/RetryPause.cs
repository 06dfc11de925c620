namespace Taishang.VectorEngine;

/// <summary>
/// Keeps work that failed in the background from being tried again at every write: after a failure nothing is tried for
/// a while, after each further one for twice as long. When the time is over the work is called for, whether anybody
/// writes or not.
/// </summary>
/// <param name="time">The clock.</param>
/// <param name="first">The pause after one failure.</param>
/// <param name="most">What no pause is longer than.</param>
/// <param name="resume">Calls for the work; from a thread of the clock's.</param>
internal sealed class RetryPause(TimeProvider time, TimeSpan first, TimeSpan most, Action resume) : IDisposable
{
    private readonly Lock _lock = new();
    private TimeSpan _last;
    private ITimer? _timer;
    private bool _isClosed;
    private volatile bool _isOn;

    /// <summary>Whether to wait.</summary>
    public bool IsOn => _isOn;

    public void Failed()
    {
        lock (_lock)
        {
            if (_isClosed)
                return;

            _timer?.Dispose();
            _isOn = true;
            var longer = _last > most / 2 ? most : _last * 2;
            _last = _last == TimeSpan.Zero ? first : longer;
            _timer = time.CreateTimer(_ => End(), null, _last, Timeout.InfiniteTimeSpan);
        }
    }

    public void Succeeded()
    {
        lock (_lock)
        {
            _timer?.Dispose();
            _timer = null;
            _last = TimeSpan.Zero;
            _isOn = false;
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _isClosed = true;
            _timer?.Dispose();
        }
    }

    private void End()
    {
        _isOn = false;
        resume();
    }
}
