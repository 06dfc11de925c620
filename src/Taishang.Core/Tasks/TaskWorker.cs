using System.Collections.Concurrent;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Taishang.Core.Api;
using Taishang.Core.Data;

namespace Taishang.Core.Tasks;

/// <summary>
/// Runs tasks: one loop claims for the free slots, one renews the leases, one asks for wishes, one writes the ends,
/// one rescues what others left. Each loop survives a database that is away. A worker is a name for one life of a
/// process: a restarted one has another, so it can not take its predecessor's leases for its own.
/// </summary>
internal sealed class TaskWorker(
    TaskQueue queue, TaskRunner runner, TaskSettler settler, TaskExecutors executors, TaskSignals signals,
    TaskLeadership leadership, TaskDepth depth, TaskBackoff backoff, Database database, DatabaseState state,
    TimeProvider time, IOptions<TaskOptions> options, ILogger<TaskWorker> logger)
    : BackgroundService
{
    private static readonly TimeSpan PauseMin = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan PauseMax = TimeSpan.FromSeconds(5);

    /// <summary>How long the last ends may take to be written when the process stops.</summary>
    private static readonly TimeSpan FlushMax = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Slots that get free within so short a time share a claim, because each is a transaction that waits for the disk.
    /// </summary>
    private static readonly TimeSpan GatherMax = TimeSpan.FromMilliseconds(5);

    private readonly TaskOptions _options = options.Value;
    private readonly ConcurrentDictionary<(string Id, long Fence), TaskAttempt> _running = new();
    private int _busy;

    /// <summary>An end that leaves no more than so many running wakes the claim loop.</summary>
    private int _wakeAt = int.MaxValue;

    /// <summary>The last claim got as many as it asked for, so others may wait. Of the claim loop alone.</summary>
    private bool _more;

    /// <summary>This life of this process.</summary>
    public string WorkerId { get; } = RowId.New(time.GetUtcNow());

    /// <summary>Attempts that run here now.</summary>
    public int Running => Volatile.Read(ref _busy);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await state.WaitReadyAsync(stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (stoppingToken.IsCancellationRequested) return;
        using var afterStop = new CancellationTokenSource();
        var writing = settler.RunAsync(WorkerId, afterStop.Token);
        // Leases are kept, and wishes heard, until the last attempt has let go.
        var holding = Task.WhenAll(
            LoopAsync("lease", RenewAsync, () => Every(_options.LeaseMs / 3, afterStop.Token), afterStop.Token),
            LoopAsync("wish", HearWishesAsync, () => NextWishAsync(afterStop.Token), afterStop.Token),
            LoopAsync(
                "progress", SaveAsync, () => Every(_options.ProgressIntervalMs, afterStop.Token), afterStop.Token));
        var rescuing = LoopAsync(
            "rescue", RescueAsync, () => Every(_options.RescueIntervalMs, stoppingToken), stoppingToken);
        await RescueAtStartAsync(stoppingToken);
        await LoopAsync("claim", ClaimAsync, () => Task.CompletedTask, stoppingToken);
        await rescuing;

        await LetGoAsync();
        settler.Close();
        afterStop.CancelAfter(FlushMax);
        await writing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await afterStop.CancelAsync();
        await holding;
    }

    /// <summary>Does something again and again, with growing pauses after failures, until told to stop.</summary>
    private async Task LoopAsync(
        string name, Func<CancellationToken, Task> work, Func<Task> wait, CancellationToken stop)
    {
        var pause = PauseMin;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await work(stop);
                await wait();
                pause = PauseMin;
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                // A renewal gives up in time for the next: that is a database which is slow, no fault of ours.
                if (DatabaseFailure.IsUnavailable(e) || e is ApiException or OperationCanceledException)
                    logger.LogWarning("The {Loop} loop pauses: {Reason}", name, e.Message);
                else
                    logger.LogError(e, "The {Loop} loop failed and goes on after a pause", name);
                await Task.Delay(pause, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                pause = pause * 2 < PauseMax ? pause * 2 : PauseMax;
            }
        }
    }

    private Task Every(int milliseconds, CancellationToken stop) =>
        Task.Delay(TimeSpan.FromMilliseconds(milliseconds), time, stop);

    private async Task ClaimAsync(CancellationToken stop)
    {
        if (_more) await GatherAsync(stop);
        var asked = Math.Min(_options.Parallelism - Running, _options.ClaimBatch);
        if (asked > 0)
        {
            var leasedAt = time.GetTimestamp();
            // Not cancelled half-way: a claim that was committed and not heard of would wait for its lease to end.
            var claims = await queue.ClaimAsync(WorkerId, executors.Types, asked, Free(), CancellationToken.None);
            // An answer that took as long as a lease may be of tasks that another runs by now.
            var late = time.GetElapsedTime(leasedAt).TotalMilliseconds >= _options.LeaseMs;
            if (late && claims.Count > 0)
                logger.LogWarning("A claim of {Count} tasks came too late and is left to the rescue", claims.Count);
            foreach (var claim in late ? [] : claims) Begin(claim, leasedAt);
            _more = claims.Count == asked;
            if (_more) return;
        }

        // When nothing waits, an end brings nothing to claim, unless it makes room under a limit.
        Interlocked.Exchange(ref _wakeAt, _more || _options.HasLimits ? int.MaxValue : -1);
        await signals.WaitWorkAsync(TimeSpan.FromMilliseconds(_options.PollIntervalMs), time, stop);
    }

    /// <summary>Waits a moment until half of the slots are free.</summary>
    private async Task GatherAsync(CancellationToken stop)
    {
        var busyMax = _options.Parallelism - Math.Max(1, Math.Min(_options.Parallelism, _options.ClaimBatch) / 2);
        var started = time.GetTimestamp();
        Interlocked.Exchange(ref _wakeAt, busyMax);
        while (Running > busyMax && GatherMax - time.GetElapsedTime(started) is { Ticks: > 0 } left)
            await signals.WaitWorkAsync(left, time, stop);
        Interlocked.Exchange(ref _wakeAt, int.MaxValue);
    }

    /// <summary>What those that run here leave of this worker's cores and memory.</summary>
    private TaskWeight Free() => _running.Values.Aggregate(
        _options.Capacity, (free, attempt) => free.Less(_options.Weight(attempt.Claim.Task.Type)));

    private void Begin(ClaimedTask claim, long leasedAt)
    {
        Interlocked.Increment(ref _busy);
        var attempt = new TaskAttempt(claim, queue, leasedAt, time);
        _running[(claim.Task.Id, claim.Fence)] = attempt;
        // It is not to be cancelled before it began: its end must be written in any case.
        _ = Task.Run(() => RunAsync(attempt), CancellationToken.None);
    }

    private async Task RunAsync(TaskAttempt attempt)
    {
        try
        {
            if (await runner.RunAsync(attempt) is { } settlement && attempt.TakeEnd())
                await settler.AddAsync(settlement, CancellationToken.None);
        }
        catch (Exception e)
        {
            logger.LogError(e, "The end of task {TaskId} was lost; its lease will run out", attempt.TaskId);
        }
        finally
        {
            _running.TryRemove((attempt.TaskId, attempt.Claim.Fence), out _);
            if (Interlocked.Decrement(ref _busy) <= Volatile.Read(ref _wakeAt)) signals.Work();
        }
    }

    private async Task RenewAsync(CancellationToken stop)
    {
        var held = _running.Values.ToList();
        var ids = held.Select(attempt => attempt.TaskId).Union(settler.Unwritten).ToArray();
        if (ids.Length == 0) return;
        var renewedAt = time.GetTimestamp();
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
            limit.CancelAfter(TimeSpan.FromMilliseconds(_options.LeaseMs / 3.0));
            var leases = await queue.RenewAsync(WorkerId, ids, limit.Token);
            var fences = leases.ToDictionary(lease => lease.TaskId, lease => lease.Fence);
            foreach (var attempt in held)
            {
                if (fences.TryGetValue(attempt.TaskId, out var fence) && fence == attempt.Claim.Fence)
                    attempt.LeasedAt = renewedAt;
                else if (_running.ContainsKey((attempt.TaskId, attempt.Claim.Fence)))
                    Lose(attempt);
            }

            Hear(leases);
        }
        finally
        {
            // Whoever can not renew must believe that another runs the task by now.
            foreach (var attempt in held)
            {
                if (time.GetElapsedTime(attempt.LeasedAt).TotalMilliseconds >= _options.LeaseMs) Lose(attempt);
            }
        }
    }

    /// <summary>Writes what attempts report: progress, cost and log.</summary>
    private async Task SaveAsync(CancellationToken stop)
    {
        var taken = _running.Values.Select(attempt => (Attempt: attempt, Progress: attempt.TakeProgress()))
            .Where(one => one.Progress is not null).ToList();
        if (taken.Count == 0) return;
        IReadOnlyList<bool> written = [];
        try
        {
            written = await queue.SaveAsync(taken.ConvertAll(one => one.Progress!), stop);
        }
        finally
        {
            for (var i = 0; i < taken.Count; i++)
                taken[i].Attempt.Saved(taken[i].Progress!, i < written.Count && written[i]);
        }
    }

    private void Lose(TaskAttempt attempt)
    {
        if (attempt.Reason == AttemptCancel.Lost)
        {
            // It was told a renewal ago, or longer, and is still here.
            attempt.Abandon();
            return;
        }

        logger.LogWarning("The lease of task {TaskId}, attempt {Attempt}, is lost", attempt.TaskId, attempt.Attempt);
        attempt.Cancel(AttemptCancel.Lost);
    }

    private async Task HearWishesAsync(CancellationToken stop)
    {
        if (!_running.IsEmpty) Hear(await queue.WishesAsync(WorkerId, stop));
    }

    private Task NextWishAsync(CancellationToken stop) =>
        signals.WaitWishAsync(TimeSpan.FromMilliseconds(_options.WishPollMs), time, stop);

    private void Hear(IReadOnlyList<TaskLease> leases)
    {
        foreach (var lease in leases)
        {
            if (lease.Wish is null || !_running.TryGetValue((lease.TaskId, lease.Fence), out var attempt)) continue;
            if (lease.Wish != TaskWish.Stop || !MayPark(attempt, AttemptCancel.Wish))
                attempt.Cancel(AttemptCancel.Wish);
        }
    }

    /// <summary>True while an executor that parks itself has time to do so.</summary>
    private bool MayPark(TaskAttempt attempt, AttemptCancel reason) =>
        executors.Find(attempt.Claim.Task.Type) is { ParksItself: true }
        && attempt.Ask(reason, TimeSpan.FromMilliseconds(_options.StopGraceMs), time);

    private async Task RescueAsync(CancellationToken stop)
    {
        // One process looks for all; the others would only find the rows locked.
        while (leadership.IsLeader && await queue.RescueAsync(WorkerId, everyRunning: false, backoff, stop) > 0)
            signals.WorkEverywhere();
        var moved = depth.Moved;
        depth.Set(await queue.CountAsync(stop), moved);
    }

    /// <summary>What runs in a database that only this process works on was left by its last life.</summary>
    private async Task RescueAtStartAsync(CancellationToken stop)
    {
        if (!(_options.OnlyProcess ?? database.Dialect == Dialect.Sqlite)) return;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                while (await queue.RescueAsync(WorkerId, everyRunning: true, backoff, stop) is > 0 and var count)
                    logger.LogInformation("{Count} tasks that the last process left running were rescued", count);
                return;
            }
            catch (Exception e) when (!stop.IsCancellationRequested)
            {
                logger.LogWarning("Tasks of the last process wait for the database: {Reason}", e.Message);
                await Task.Delay(PauseMin, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>
    /// Running attempts may finish or park for a moment, then they are told to let go, and all are given back: also
    /// those that do not let go, whose late ends bounce off the fence of whoever takes them next.
    /// </summary>
    private async Task LetGoAsync()
    {
        foreach (var attempt in _running.Values) MayPark(attempt, AttemptCancel.Shutdown);
        await WaitIdleAsync(_options.ShutdownFinishMs);
        foreach (var attempt in _running.Values) attempt.Cancel(AttemptCancel.Shutdown);
        await WaitIdleAsync(_options.ShutdownGraceMs);
        var left = _running.Values.Where(attempt => attempt.TakeEnd()).ToList();
        if (left.Count == 0) return;
        logger.LogWarning("{Count} attempts did not let go in time and are given back without them", left.Count);
        foreach (var attempt in left)
        {
            await settler.AddAsync(
                new Settlement(attempt.Claim, AttemptEnd.LetGo) { Progress = attempt.Progress, Cost = attempt.Cost },
                CancellationToken.None);
            attempt.Abandon();
        }
    }

    private async Task WaitIdleAsync(int milliseconds)
    {
        var started = time.GetTimestamp();
        while (Running > 0 && time.GetElapsedTime(started).TotalMilliseconds < milliseconds)
            await signals.WaitWorkAsync(TimeSpan.FromMilliseconds(20), time, CancellationToken.None);
    }
}
