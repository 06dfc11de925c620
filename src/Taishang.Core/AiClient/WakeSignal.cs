namespace Taishang.Core.AiClient;

/// <summary>Lets a loop that works on a beat be asked to work now; asking twice is asking once.</summary>
internal sealed class WakeSignal(TimeProvider time) : IDisposable
{
    private readonly SemaphoreSlim _asked = new(0, 1);

    public void Set()
    {
        try
        {
            if (_asked.CurrentCount == 0) _asked.Release();
        }
        catch (SemaphoreFullException)
        {
            // Somebody else has asked at the same moment.
        }
    }

    /// <summary>Waits until asked, but no longer than given.</summary>
    public async Task WaitAsync(TimeSpan longest, CancellationToken cancellation)
    {
        if (longest <= TimeSpan.Zero) return;
        using var timer = new CancellationTokenSource(longest, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancellation);
        try
        {
            await _asked.WaitAsync(either.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            // The beat has come by itself.
        }
    }

    public void Dispose() => _asked.Dispose();
}
