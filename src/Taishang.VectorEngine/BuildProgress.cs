using System.Runtime.ExceptionServices;
using Taishang.VectorEngine.Memory;

namespace Taishang.VectorEngine;

/// <summary>
/// Tells those who wait for a build how far it is: on the pool, because threads of a build give way to all others and
/// listeners may begin work of their own. A listener that hangs holds the build at its next share.
/// </summary>
internal sealed class BuildProgress
{
    private readonly object _gate = new();
    private readonly List<IProgress<double>> _listeners = [];
    private double _told;
    private bool _isTelling;
    private Exception? _fault;
    private TaskCompletionSource? _quiet;

    public void Listen(IProgress<double> listener)
    {
        lock (_gate)
            _listeners.Add(listener);
    }

    /// <summary>
    /// Tells a share that is larger than all before it. Threads of a build may come in the wrong order, and a second
    /// pass begins anew; nobody who listens sees the progress go back.
    /// </summary>
    /// <exception cref="Exception">What a listener threw at the share before.</exception>
    public void Report(double share)
    {
        lock (_gate)
        {
            if (share <= _told)
                return;

            while (_isTelling)
                Monitor.Wait(_gate);
            ThrowIfFaulted();
            if (share <= _told)
                return;

            _told = share;
            if (_listeners.Count == 0)
                return;

            _isTelling = true;
            IProgress<double>[] listeners = [.. _listeners];
            BackgroundThreads.Post(() => Tell(listeners, share));
        }
    }

    /// <summary>Completes when the last share has been told.</summary>
    /// <exception cref="Exception">What a listener threw.</exception>
    public async Task ToldAsync()
    {
        Task quiet;
        lock (_gate)
        {
            quiet = _isTelling
                ? (_quiet = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task
                : Task.CompletedTask;
        }

        await quiet;
        ThrowIfFaulted();
    }

    private void Tell(IProgress<double>[] listeners, double share)
    {
        Exception? fault = null;
        try
        {
            foreach (var listener in listeners)
                listener.Report(share);
        }
        catch (Exception exception)
        {
            // The build fails of it, as if it had told by itself.
            fault = exception;
        }

        lock (_gate)
        {
            _fault ??= fault;
            _isTelling = false;
            _quiet?.SetResult();
            _quiet = null;
            Monitor.PulseAll(_gate);
        }
    }

    private void ThrowIfFaulted()
    {
        if (_fault is not null)
            ExceptionDispatchInfo.Throw(_fault);
    }
}
