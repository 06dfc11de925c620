using System.Runtime.InteropServices;

namespace Taishang.Server;

/// <summary>
/// Completes on SIGTERM, SIGINT or SIGQUIT, once for the whole process, so that the hosts stop in order.
/// </summary>
internal sealed class StopSignal : IDisposable
{
    private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<IDisposable> _registrations;

    public StopSignal(CancellationToken cancellation) =>
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, Ask),
            PosixSignalRegistration.Create(PosixSignal.SIGINT, Ask),
            PosixSignalRegistration.Create(PosixSignal.SIGQUIT, Ask),
            cancellation.Register(() => _asked.TrySetResult()),
        ];

    public Task WaitAsync() => _asked.Task;

    public void Dispose() => _registrations.ForEach(registration => registration.Dispose());

    private void Ask(PosixSignalContext context)
    {
        // The default would end the process in the middle of the graceful stop.
        context.Cancel = true;
        _asked.TrySetResult();
    }
}
