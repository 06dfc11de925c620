using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Taishang.Core.AiClient;
using Taishang.Core.Data;

namespace Taishang.Core.Tasks;

/// <summary>Writes down which types of tasks the ai workers have: a new one at once, one that is known now and then.
/// </summary>
internal sealed class TaskTypeRecorder(
    TaskTypeStore store, DatabaseState state, TimeProvider time, IOptions<TaskOptions> options,
    ILogger<TaskTypeRecorder> logger, IAiClient? ai = null) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan SeenAgain = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan SweepInterval = TimeSpan.FromHours(1);

    private readonly Dictionary<ServedTaskType, long> _written = [];
    private long _swept;

    private IReadOnlyList<ServedTaskType> Served => ai?.ServedTaskTypes ?? [];

    /// <summary>Writes what is new, or was not written for a while.</summary>
    public async Task RecordAsync(CancellationToken cancellation)
    {
        var due = Served
            .Where(one => !_written.TryGetValue(one, out var at) || time.GetElapsedTime(at) >= SeenAgain).ToList();
        if (due.Count == 0) return;
        await store.WriteAsync(due, cancellation);
        var now = time.GetTimestamp();
        foreach (var one in due) _written[one] = now;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await state.WaitReadyAsync(stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        using var timer = new PeriodicTimer(Interval, time);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await RecordAsync(stoppingToken);
                await SweepAsync(stoppingToken);
                await timer.WaitForNextTickAsync(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                logger.LogWarning("Types of tasks of ai workers can not be written down for now: {Reason}", e.Message);
                await Task.Delay(SeenAgain, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task SweepAsync(CancellationToken cancellation)
    {
        if (_swept != 0 && time.GetElapsedTime(_swept) < SweepInterval) return;
        await store.SweepAsync(TimeSpan.FromDays(options.Value.TypeKeepDays), cancellation);
        _swept = time.GetTimestamp();
        // Workers come and go; those that serve are written again.
        foreach (var gone in _written.Keys.Except(Served).ToList()) _written.Remove(gone);
    }
}
