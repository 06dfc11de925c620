namespace Taishang.Core.Gateway;

/// <summary>Lets every call through.</summary>
internal sealed class OpenAdmission : ICallAdmission
{
    public ValueTask<IReservation> ReserveAsync(
        CallScope scope, CallEstimate estimate, CancellationToken cancellation) => new(NothingHeld.Instance);

    private sealed class NothingHeld : IReservation
    {
        public static NothingHeld Instance { get; } = new();

        public ValueTask SettleAsync(CallUsage usage, CancellationToken cancellation) => ValueTask.CompletedTask;

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
