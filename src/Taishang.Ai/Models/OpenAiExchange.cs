using System.ClientModel;

namespace Taishang.Ai.Models;

/// <summary>
/// One request to a service and its answer: the clock that runs while the service is waited for, and only then, and
/// the one place where what goes wrong becomes a <see cref="ModelException"/>.
/// </summary>
internal sealed class OpenAiExchange : IDisposable
{
    private readonly OpenAiSettings _settings;
    private readonly OpenAiFailures _failures;
    private readonly TimeProvider _time;
    private readonly CancellationToken _caller;
    private readonly CancellationTokenSource _late;
    private readonly CancellationTokenSource _either;
    private TimeSpan _waited;

    public OpenAiExchange(
        OpenAiSettings settings, OpenAiFailures failures, TimeProvider time, CancellationToken caller)
    {
        _settings = settings;
        _failures = failures;
        _time = time;
        _caller = caller;
        _late = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        _either = CancellationTokenSource.CreateLinkedTokenSource(_late.Token, caller);
    }

    /// <summary>Milliseconds that the service was waited for.</summary>
    public double WaitedMs => _waited.TotalMilliseconds;

    /// <summary>Waits for the service, as long as it may take.</summary>
    /// <exception cref="ModelException">Whatever went wrong.</exception>
    public async Task<T> WaitAsync<T>(Func<CancellationToken, Task<T>> step)
    {
        long started = _time.GetTimestamp();
        _late.CancelAfter(TimeSpan.FromMilliseconds(_settings.TimeoutMs));
        try
        {
            return await step(_either.Token);
        }
        catch (ModelException)
        {
            throw;
        }
        catch (OperationCanceledException failure)
        {
            _caller.ThrowIfCancellationRequested();
            throw _late.IsCancellationRequested ? _failures.Late() : _failures.NotConnected(failure);
        }
        catch (Exception failure) when (failure is ClientResultException or HttpRequestException or IOException)
        {
            // A connection that was broken off because we gave up is no fault of the service.
            _caller.ThrowIfCancellationRequested();
            throw _late.IsCancellationRequested ? _failures.Late() : _failures.OfTransport(failure);
        }
        finally
        {
            _late.CancelAfter(Timeout.InfiniteTimeSpan);
            _waited += _time.GetElapsedTime(started);
        }
    }

    public void Dispose()
    {
        _either.Dispose();
        _late.Dispose();
    }
}
