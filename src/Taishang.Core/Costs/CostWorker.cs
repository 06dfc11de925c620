using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Taishang.Core.Data;

namespace Taishang.Core.Costs;

/// <summary>
/// Takes what was used to the database, on a beat or as soon as a call waits for room, one transaction at a time; reads
/// budgets that others have changed; and counts what dead processes had leased.
/// </summary>
internal sealed class CostWorker(
    CostLedger ledger, CostExchange exchange, BudgetDirectory directory, UsageStore usage, CostMetrics metrics,
    DatabaseState state, TimeProvider time, IOptions<CostOptions> options, ILogger<CostWorker> logger)
    : BackgroundService
{
    /// <summary>One for a batch that was in doubt, the others for rows of usage beyond those of one
    /// transaction.</summary>
    private const int FlushRoundsMax = 4;

    /// <summary>Of a stop: calls that end late may still leave something.</summary>
    private const int LastRoundsMax = 1_000;

    private static readonly TimeSpan PauseMin = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan PauseMax = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan RetentionInterval = TimeSpan.FromHours(1);

    private readonly CostOptions _options = options.Value;
    private readonly SemaphoreSlim _turn = new(1);
    private readonly string _holder = RowId.New(time.GetUtcNow());

    /// <summary>Sent, and not known to be written.</summary>
    private CostBatch? _pending;

    private long _number;
    private long _signedMs;
    private bool _known;

    private TimeSpan Lease => TimeSpan.FromSeconds(_options.LeaseSeconds);

    /// <summary>Writes all that was used until now.</summary>
    public async Task FlushAsync(CancellationToken cancellation)
    {
        // While others go on calling there is always something more.
        for (var i = 0; i < FlushRoundsMax && await RoundAsync(true, false, cancellation); i++)
        {
        }
    }

    /// <summary>Counts what dead processes had leased as spent.</summary>
    public async Task SweepAsync(CancellationToken cancellation)
    {
        var dead = await exchange.SweepAsync(cancellation);
        if (dead == 0) return;
        metrics.Swept(dead);
        logger.LogWarning("{Count} processes gave no sign of life: room that they had leased counts as spent", dead);
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        if (!state.Ready) return;
        using var giveUp = new CancellationTokenSource(TimeSpan.FromMilliseconds(_options.StopFlushMs), time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(giveUp.Token, cancellationToken);
        try
        {
            for (var i = 0; i < LastRoundsMax && await RoundAsync(true, true, either.Token); i++)
            {
            }

            if (_known) await exchange.LeaveAsync(_holder, either.Token);
        }
        catch (Exception e)
        {
            logger.LogError(e, "What calls have used of late could not be written: leased room will count as spent");
        }
    }

    public override void Dispose()
    {
        _turn.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await state.WaitReadyAsync(stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (stoppingToken.IsCancellationRequested) return;
        await Task.WhenAll(
            ExchangeLoopAsync(stoppingToken),
            RepeatAsync(TimeSpan.FromMilliseconds(_options.BudgetCacheMs), directory.RefreshAsync, stoppingToken),
            RepeatAsync(TimeSpan.FromSeconds(_options.SweepSeconds), SweepAsync, stoppingToken),
            RepeatAsync(RetentionInterval, ForgetAsync, stoppingToken));
    }

    private async Task ExchangeLoopAsync(CancellationToken stop)
    {
        var beat = TimeSpan.FromMilliseconds(_options.FlushMs);
        var pause = PauseMin;
        var nextMs = ledger.NowMs + _options.FlushMs;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                if (!ledger.HasWaiters)
                {
                    var left = TimeSpan.FromMilliseconds(Math.Max(1, nextMs - ledger.NowMs));
                    await ledger.Demand.WaitAsync(left < beat ? left : beat, stop);
                }

                var due = ledger.NowMs >= nextMs;
                if (due) nextMs = ledger.NowMs + _options.FlushMs;
                await RoundAsync(due, false, stop);
                pause = PauseMin;
            }
            catch (Exception e) when (!stop.IsCancellationRequested)
            {
                logger.LogWarning("What calls have used waits for the database: {Reason}", e.Message);
                // A call that waits for room is answered at once, be it with a failure.
                await ledger.Demand.WaitAsync(pause, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                pause = pause * 2 < PauseMax ? pause * 2 : PauseMax;
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    /// <summary>One transaction at most; true when there was something to write.</summary>
    private async Task<bool> RoundAsync(bool beat, bool closing, CancellationToken cancellation)
    {
        await _turn.WaitAsync(cancellation);
        try
        {
            var holds = ledger.HoldsRoom;
            if (beat && holds && !closing) ledger.Want(await exchange.WantedAsync(cancellation));
            var batch = _pending ?? ledger.Capture(_number + 1, beat, closing);
            if (batch is null)
            {
                var silentMs = ledger.NowMs - _signedMs;
                if (!holds || silentMs < Lease.TotalMilliseconds / 3) return false;
                batch = new CostBatch(_number + 1, [], []);
            }

            _pending = batch;
            _number = batch.Number;
            var results = await exchange.ExchangeAsync(_holder, batch, Lease, cancellation);
            _pending = null;
            (_signedMs, _known) = (ledger.NowMs, true);
            ledger.Apply(batch, results);
            return batch.Counters.Count + batch.Usage.Count > 0;
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancellation.IsCancellationRequested)
        {
            metrics.Failed();
            ledger.Fail(e);
            throw;
        }
        finally
        {
            _turn.Release();
        }
    }

    private Task ForgetAsync(CancellationToken cancellation) =>
        usage.SweepAsync(time.GetUtcNow().AddDays(-_options.KeepDays), cancellation);

    private async Task RepeatAsync(TimeSpan interval, Func<CancellationToken, Task> work, CancellationToken stop)
    {
        using var timer = new PeriodicTimer(interval, time);
        do
        {
            try
            {
                await work(stop);
            }
            catch (Exception e) when (!stop.IsCancellationRequested)
            {
                logger.LogWarning("Budgets pause: {Reason}", e.Message);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
        while (await NextAsync(timer, stop));
    }

    private static async Task<bool> NextAsync(PeriodicTimer timer, CancellationToken stop)
    {
        try
        {
            return await timer.WaitForNextTickAsync(stop);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
