using EvolveDb;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Taishang.Core.Data;

/// <summary>
/// Migrates before anything else starts. A database that is away does not stop the start: the server answers 503 and
/// /readyz says why, while this keeps trying. A schema that cannot be migrated does stop it: nothing would be right.
/// </summary>
internal sealed class MigratorWorker(
    Migrator migrator, MonthlyTables tables, DatabaseState state, TimeProvider time, ILogger<MigratorWorker> logger)
    : IHostedService, IDisposable
{
    private static readonly TimeSpan PauseMin = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan PauseMax = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _stop = new();
    private Task _retrying = Task.CompletedTask;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (!await TryAsync(cancellationToken)) _retrying = RetryAsync();
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stop.CancelAsync();
        await _retrying.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public void Dispose() => _stop.Dispose();

    private async Task RetryAsync()
    {
        var pause = PauseMin;
        do
        {
            await Task.Delay(pause, time, _stop.Token);
            pause = pause * 2 < PauseMax ? pause * 2 : PauseMax;
        }
        while (!await TryAsync(_stop.Token));
    }

    private async Task<bool> TryAsync(CancellationToken cancellation)
    {
        try
        {
            await migrator.MigrateAsync(cancellation);
            state.SetReady();
            await tables.EnsureAheadAsync(cancellation);
            return true;
        }
        catch (Exception e) when (DatabaseFailure.IsUnavailable(e) && !cancellation.IsCancellationRequested)
        {
            state.SetNotReady($"the database is locked or gone: {e.Message}");
            logger.LogWarning("The database can not be reached, trying again: {Reason}", e.Message);
            return false;
        }
        catch (EvolveException e) when (!cancellation.IsCancellationRequested)
        {
            state.SetNotReady($"the schema can not be migrated: {e.Message}");
            throw;
        }
    }
}
