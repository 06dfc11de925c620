using Microsoft.Extensions.Hosting;

namespace Taishang.Hosting.Health;

/// <summary>Asks every <see cref="IReadinessCheck"/> and puts the answers side by side.</summary>
/// <param name="checks">All that are registered.</param>
/// <param name="lifetime">A process that is stopping is not ready, whatever its checks say.</param>
/// <param name="time">The clock of the timeout.</param>
public sealed class ReadinessReport(
    IEnumerable<IReadinessCheck> checks, IHostApplicationLifetime lifetime, TimeProvider time)
{
    /// <summary>A check that takes longer is itself a sign of trouble; probes give up after a few seconds.</summary>
    public static readonly TimeSpan CheckTimeout = TimeSpan.FromSeconds(2);

    private readonly IReadinessCheck[] _checks = [.. checks.OrderBy(check => check.Name, StringComparer.Ordinal)];

    public bool IsStopping => lifetime.ApplicationStopping.IsCancellationRequested;

    /// <summary>One answer for each check, ordered by name.</summary>
    public async Task<IReadOnlyList<CheckedReadiness>> AskAsync(CancellationToken cancellation) =>
        await Task.WhenAll(_checks.Select(check => AskAsync(check, cancellation)));

    private async Task<CheckedReadiness> AskAsync(IReadinessCheck check, CancellationToken cancellation)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        try
        {
            // The wait has its own timeout: a check may forget its token.
            var asked = Task.Run(() => check.CheckAsync(timeout.Token).AsTask(), timeout.Token);
            var answer = await asked.WaitAsync(CheckTimeout, time, cancellation);
            return new CheckedReadiness(check.Name, answer.IsReady, answer.Reason);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            throw;
        }
        catch (TimeoutException)
        {
            await timeout.CancelAsync();
            return new CheckedReadiness(check.Name, false, $"no answer within {CheckTimeout.TotalSeconds:0} s");
        }
        catch (Exception e)
        {
            return new CheckedReadiness(check.Name, false, e.Message);
        }
    }
}

/// <summary>What one check said.</summary>
public sealed record CheckedReadiness(string Name, bool Ready, string? Reason);
