using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Taishang.Core.AiClient.Discovery;

namespace Taishang.Core.AiClient;

/// <summary>Keeps the pool true: looks addresses up again and checks health, each on its own beat.</summary>
internal sealed class WorkerMonitor(
    WorkerPool pool, AddressSources sources, IOptions<AiClientOptions> options, TimeProvider time,
    ILogger<WorkerMonitor> logger) : BackgroundService
{
    /// <summary>Calls that fail in a row ask for checks; closer together than this they would only add load.</summary>
    private static readonly TimeSpan RoundPauseMin = TimeSpan.FromMilliseconds(20);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var known = sources.Of(options.Value);
        var found = new IReadOnlyList<string>[known.Count];
        Array.Fill(found, []);
        try
        {
            await ResolveAsync(known, found, stoppingToken);
            await pool.ProbeAllAsync();
            pool.FirstLookDone();
            var resolving = known.Any(source => source.Changes)
                ? ResolveForEverAsync(known, found, stoppingToken)
                : Task.CompletedTask;
            await Task.WhenAll(resolving, ProbeForEverAsync(stoppingToken));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            pool.FirstLookDone();
        }
    }

    private async Task ProbeForEverAsync(CancellationToken cancellation)
    {
        var interval = TimeSpan.FromMilliseconds(options.Value.HealthIntervalMs);
        while (true)
        {
            await Task.Delay(RoundPauseMin, time, cancellation);
            await pool.WakeUp.WaitAsync(interval - RoundPauseMin, cancellation);
            await pool.ProbeAllAsync();
        }
    }

    private async Task ResolveForEverAsync(
        IReadOnlyList<IAddressSource> known, IReadOnlyList<string>[] found, CancellationToken cancellation)
    {
        var interval = TimeSpan.FromMilliseconds(options.Value.ResolveIntervalMs);
        while (true)
        {
            await Task.Delay(interval, time, cancellation);
            await ResolveAsync(known, found, cancellation);
            pool.WakeUp.Set();
        }
    }

    private async Task ResolveAsync(
        IReadOnlyList<IAddressSource> known, IReadOnlyList<string>[] found, CancellationToken cancellation)
    {
        await Task.WhenAll(known.Select(async (source, i) =>
        {
            try
            {
                found[i] = await source.ResolveAsync(cancellation);
            }
            catch (Exception e) when (!cancellation.IsCancellationRequested)
            {
                // What was known stays: a directory that is away must not take its workers along.
                logger.LogWarning(e, "Cannot look up {Source}; keeping {Count} addresses", source.Name, found[i].Count);
            }
        }));
        pool.SetAddresses(found.SelectMany(list => list).Distinct(StringComparer.Ordinal).ToArray());
    }
}
