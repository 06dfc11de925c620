namespace Taishang.Core.AiClient.Discovery;

/// <summary>An address that is used as it stands.</summary>
internal sealed class FixedAddress(WorkerAddress address) : IAddressSource
{
    public string Name => address.Text;

    public bool Changes => false;

    public Task<IReadOnlyList<string>> ResolveAsync(CancellationToken cancellation) =>
        Task.FromResult<IReadOnlyList<string>>([address.Text]);
}
