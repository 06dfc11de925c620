namespace Taishang.Server;

/// <summary>Keeps a host from listening to signals by itself: the process decides, for both hosts, in order.</summary>
internal sealed class ProcessLifetime : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
