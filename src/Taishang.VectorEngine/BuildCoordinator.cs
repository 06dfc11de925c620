namespace Taishang.VectorEngine;

/// <summary>
/// Makes builds that are asked for at once one build, and runs the maintenance that writes call for. Who joins a
/// running build waits until his rows are covered too; a build ends early only when all who wait for it have given up.
/// </summary>
internal sealed class BuildCoordinator : IAsyncDisposable
{
    private readonly Maintainer _maintainer;
    private readonly RetryPause _pause;
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _stop = new();
    private Run? _asked;
    private Task _background = Task.CompletedTask;
    private bool _isClosed;

    public BuildCoordinator(Maintainer maintainer, VectorEngineOptions engine)
    {
        _maintainer = maintainer;
        _pause = new RetryPause(engine.Time, engine.MaintenancePause, engine.MaintenancePauseMax, NudgeAfterPass);
    }

    /// <summary>The last failure of maintenance that nobody waited for; null when the last pass went well.</summary>
    public Exception? BackgroundFailure { get; private set; }

    /// <summary>Completes when every row written before the call is sealed and under the index, and, where a
    /// compaction is demanded, when none deleted before the call is on the disk.</summary>
    public async Task BuildAsync(
        MaintenanceDemand demand, IProgress<double>? progress, CancellationToken cancellation)
    {
        Run run;
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isClosed, typeof(VectorCollection));
            if (_asked is null)
            {
                run = _asked = new Run(CancellationTokenSource.CreateLinkedTokenSource(_stop.Token));
                run.Task = Task.Run(() => RunAskedAsync(run), CancellationToken.None);
            }

            run = _asked;
            run.Waiting++;
            run.Joined++;
            if (demand > run.Demand)
                run.Demand = demand;
        }

        if (progress is not null)
            run.Progress.Listen(progress);

        try
        {
            await run.Task.WaitAsync(cancellation);
            progress?.Report(1);
        }
        finally
        {
            Leave(run);
        }
    }

    /// <summary>Changes options between two passes.</summary>
    public async Task ReconfigureAsync(
        Func<VectorCollectionOptions, VectorCollectionOptions> change, CancellationToken cancellation)
    {
        try
        {
            await _maintainer.ReconfigureAsync(change, cancellation);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new WriteFailedException($"the new options could not be written: {exception.Message}", exception);
        }
    }

    /// <summary>Starts a pass unless one runs or none is needed; never waits.</summary>
    public void Nudge()
    {
        if (_pause.IsOn || !_maintainer.HasWork())
            return;

        lock (_lock)
        {
            if (!_isClosed && _asked is null && _background.IsCompleted)
                _background = Task.Run(RunBackgroundAsync, CancellationToken.None);
        }
    }

    public async ValueTask DisposeAsync()
    {
        Task asked;
        lock (_lock)
        {
            _isClosed = true;
            asked = _asked?.Task ?? Task.CompletedTask;
        }

        _pause.Dispose();
        await _stop.CancelAsync();
        await _background;
        await asked.ContinueWith(
            _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        _maintainer.Dispose();
        _stop.Dispose();
    }

    private async Task RunAskedAsync(Run run)
    {
        try
        {
            while (true)
            {
                int joined;
                MaintenanceDemand demand;
                lock (_lock)
                {
                    joined = run.Joined;
                    demand = run.Demand;
                    // Once is enough: another pass that others need is no second rebuild.
                    if (demand == MaintenanceDemand.Rebuild)
                        run.Demand = MaintenanceDemand.Compaction;
                }

                await _maintainer.RunAsync(demand, run.Progress.Report, run.Stop.Token);
                await run.Progress.ToldAsync();
                _pause.Succeeded();
                lock (_lock)
                {
                    // Who joined meanwhile may have written rows that this pass did not see.
                    if (joined != run.Joined)
                        continue;

                    _asked = null;
                    return;
                }
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new WriteFailedException($"the index could not be written: {exception.Message}", exception);
        }
        finally
        {
            lock (_lock)
            {
                if (ReferenceEquals(_asked, run))
                    _asked = null;
            }
        }
    }

    private async Task RunBackgroundAsync()
    {
        try
        {
            await _maintainer.RunAsync(MaintenanceDemand.None, null, _stop.Token);
            BackgroundFailure = null;
            _pause.Succeeded();
        }
        catch (OperationCanceledException)
        {
            // The collection is being closed.
        }
        catch (Exception exception)
        {
            // Nothing acknowledged depends on it; after a pause it is tried again.
            BackgroundFailure = exception;
            _pause.Failed();
            return;
        }

        Requeue();
    }

    /// <summary>The pass that failed may not have returned yet.</summary>
    private void NudgeAfterPass()
    {
        lock (_lock)
            _ = _background.ContinueWith(_ => Nudge(), TaskScheduler.Default);
    }

    private void Requeue()
    {
        lock (_lock)
        {
            if (_isClosed || _asked is not null || !_maintainer.HasWork())
                return;

            _background = Task.Run(RunBackgroundAsync, CancellationToken.None);
        }
    }

    private void Leave(Run run)
    {
        lock (_lock)
        {
            run.Waiting--;
            if (run.Waiting > 0)
                return;

            // A build that nobody waits for any more stops, and the next request begins a new one.
            if (!run.Task.IsCompleted && ReferenceEquals(_asked, run))
            {
                run.Stop.Cancel();
                _asked = null;
            }
        }
    }

    private sealed class Run(CancellationTokenSource stop)
    {
        public CancellationTokenSource Stop { get; } = stop;

        public BuildProgress Progress { get; } = new();

        public Task Task { get; set; } = Task.CompletedTask;

        public int Waiting { get; set; }

        public int Joined { get; set; }

        public MaintenanceDemand Demand { get; set; }
    }
}
