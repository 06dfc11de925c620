using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Taishang.Core.Data;
using Taishang.Core.Security;
using Taishang.Core.Tasks;

namespace Taishang.Core.Alerts;

/// <summary>
/// Evaluates rules and sends webhooks. Every process does; the rows say whose turn it is, so each rule is evaluated
/// once an interval and each webhook sent by one, and another goes on when a process dies.
/// </summary>
internal sealed class AlertWorker(
    AlertStore alerts, AlertDeliveries deliveries, AlertMetrics metrics, Webhooks webhooks, SecretBox box,
    TaskBackoff backoff, DatabaseState state, TimeProvider time, IOptions<AlertOptions> options,
    ILogger<AlertWorker> logger)
    : BackgroundService
{
    private const int RulesMax = 50;
    private const int DeliveriesMax = 16;

    private static readonly TimeSpan SweepInterval = TimeSpan.FromHours(1);

    private readonly AlertOptions _options = options.Value;
    private readonly TaskTypeOptions _pauses = new()
    {
        BackoffBaseMs = options.Value.WebhookBackoffBaseMs,
        BackoffMaxMs = options.Value.WebhookBackoffMaxMs,
    };

    /// <summary>Evaluates the rules whose time has come; returns how many.</summary>
    public async Task<int> EvaluateAsync(CancellationToken cancellation)
    {
        var due = await alerts.TakeDueAsync(_options.IntervalMs, RulesMax, cancellation);
        foreach (var alert in due)
        {
            var now = time.GetUtcNow();
            await alerts.EvaluatedAsync(alert, await metrics.MeasureAsync(alert, now, cancellation), cancellation);
        }

        return due.Count;
    }

    /// <summary>Sends the webhooks whose time has come; returns how many were tried.</summary>
    public async Task<int> DeliverAsync(CancellationToken cancellation)
    {
        // Longer than an attempt can take, so that no two are under way at once.
        var due = await deliveries.TakeDueAsync(_options.WebhookTimeoutMs * 2, DeliveriesMax, cancellation);
        await Task.WhenAll(due.Select(delivery => DeliverAsync(delivery, cancellation)));
        return due.Count;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await state.WaitReadyAsync(stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (stoppingToken.IsCancellationRequested) return;
        await Task.WhenAll(
            LoopAsync(EvaluateAsync, RulesMax, stoppingToken), LoopAsync(DeliverAsync, DeliveriesMax, stoppingToken),
            SweepAsync(stoppingToken));
    }

    private async Task DeliverAsync(AlertDelivery delivery, CancellationToken cancellation)
    {
        var alert = await alerts.GetAsync(delivery.AlertId, cancellation);
        var answer = alert is { WebhookUrl: { } url, WebhookSecret: { } secret }
            ? await webhooks.SendAsync(url, box.Unseal(secret, alert.Id), delivery, cancellation)
            : new WebhookAnswer(410, "the alert has no webhook any more");
        var last = delivery.Attempts >= _options.WebhookAttempts || answer.Gone;
        var status = answer.Taken ? "delivered" : last ? "failed" : "pending";
        if (!answer.Taken)
        {
            logger.LogWarning(
                "Webhook {Delivery} of alert {Alert} was not taken at attempt {Attempt}: {Reason}",
                delivery.Id, alert.Name, delivery.Attempts, answer.Error);
        }

        var delayMs = answer.RetryAfter is { } asked
            ? Math.Clamp((long)asked.TotalMilliseconds, 0, _options.WebhookBackoffMaxMs)
            : backoff.DelayMs(_pauses, delivery.Attempts);
        await deliveries.SettleAsync(delivery, status, answer, delayMs, cancellation);
    }

    /// <summary>Does something as long as there is enough of it, else waits a moment; failures only pause it.</summary>
    private async Task LoopAsync(Func<CancellationToken, Task<int>> work, int max, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                if (await work(stop) == max) continue;
            }
            catch (Exception e) when (!stop.IsCancellationRequested)
            {
                logger.LogWarning("Alerts pause: {Reason}", e.Message);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(_options.PollMs), time, stop)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task SweepAsync(CancellationToken stop)
    {
        using var timer = new PeriodicTimer(SweepInterval, time);
        do
        {
            try
            {
                var before = time.GetUtcNow().AddDays(-_options.KeepDays);
                await alerts.SweepAsync(before, stop);
                await deliveries.SweepAsync(before, stop);
            }
            catch (Exception e) when (!stop.IsCancellationRequested)
            {
                logger.LogWarning("Old events of alerts stay for now: {Reason}", e.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stop));
    }
}
