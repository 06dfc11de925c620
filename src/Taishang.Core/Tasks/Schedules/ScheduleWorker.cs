using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Taishang.Core.Api;
using Taishang.Core.Data;

namespace Taishang.Core.Tasks.Schedules;

/// <summary>
/// Holds the lead or asks for it, and fires what is due while it leads. A time is taken by compare-and-set in the
/// transaction that creates its tasks, so it fires once, whoever else may believe to lead.
/// </summary>
internal sealed class ScheduleWorker(
    TaskLeadership leadership, ScheduleStore schedules, TaskStore tasks, Database database, DatabaseState state,
    TimeProvider time, IOptions<TaskOptions> options, ILogger<ScheduleWorker> logger)
    : BackgroundService
{
    /// <summary>Schedules that are read in one round.</summary>
    private const int RoundMax = 100;

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly TaskOptions _options = options.Value;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await state.WaitReadyAsync(stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                var led = leadership.IsLeader;
                var leads = await leadership.HoldAsync(stoppingToken);
                if (leads != led) Tell(leads);
                if (leads) await FireAsync(stoppingToken);
                await Task.Delay(TimeSpan.FromMilliseconds(_options.LeaderIntervalMs), time, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                break;
            }
            catch (Exception e)
            {
                if (DatabaseFailure.IsUnavailable(e) || e is ApiException)
                    logger.LogWarning("Schedules pause: {Reason}", e.Message);
                else
                    logger.LogError(e, "Schedules failed and go on after a pause");
                await Task.Delay(Pause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        try
        {
            await leadership.GiveUpAsync(cancellationToken);
        }
        catch (Exception e)
        {
            logger.LogWarning("The lead was not given up and ends with its lease: {Reason}", e.Message);
        }
    }

    private void Tell(bool leads)
    {
        if (leads)
            logger.LogInformation("Leads as {Holder}: fires schedules and rescues attempts", leadership.Holder);
        else
            logger.LogInformation("No longer leads as {Holder}", leadership.Holder);
    }

    /// <summary>Fires everything that is due now.</summary>
    internal async Task FireAsync(CancellationToken cancellation)
    {
        IReadOnlyList<TaskSchedule> due;
        do
        {
            due = await schedules.DueAsync(RoundMax, cancellation);
            foreach (var schedule in due)
            {
                // A round of many takes long; who lost the lead meanwhile leaves the rest to the next.
                if (!leadership.IsLeader) return;
                if (!await FireAsync(schedule, cancellation)) return;
            }
        }
        while (due.Count > 0);
    }

    /// <summary>False when nothing more should be tried in this round.</summary>
    internal async Task<bool> FireAsync(TaskSchedule schedule, CancellationToken cancellation)
    {
        try
        {
            await database.WriteAsync(session => FireAsync(session, schedule), cancellation);
            return true;
        }
        catch (Exception e) when (!DatabaseFailure.IsUnavailable(e) && !cancellation.IsCancellationRequested)
        {
            // The time stays due. The next round tries again, and the schedule says why.
            logger.LogWarning("Schedule {ScheduleId} could not fire: {Reason}", schedule.Id, e.Message);
            await schedules.FailedAsync(schedule.Id, e.Message, cancellation);
            return false;
        }
    }

    private async Task FireAsync(DatabaseSession session, TaskSchedule schedule)
    {
        var now = await session.NowAsync();
        if (schedule.NextRunMs is not { } dueMs) return;
        var times = ScheduleTimes.Of(schedule).Due(
            DateTimeOffset.FromUnixTimeMilliseconds(dueMs), now, schedule.Missed,
            TimeSpan.FromMilliseconds(_options.ScheduleGraceMs));
        if (!await ScheduleStore.AdvanceAsync(session, schedule, times, now) || times.Fire.Count == 0) return;
        var made = await tasks.CreateAsync(session, [.. times.Fire.Select(fired => schedule.Task(fired))]);
        await ScheduleStore.FiredAsync(
            session, schedule.Id, made.LastOrDefault(task => !task.WasLive)?.Id, made.Count(task => task.WasLive));
    }
}
