using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Hosting;
using Taishang.Core.Tasks;
using Taishang.System.Tests.Soak;

/// <summary>
/// Brings <see cref="LedgerExecutor"/> into the real executable: the runtime calls it before <c>Main</c> when
/// DOTNET_STARTUP_HOOKS names this assembly, and the host tells listeners that it is being built.
/// </summary>
[SuppressMessage("Design", "CA1050", Justification = "The runtime looks for this name, in no namespace.")]
[SuppressMessage("Design", "MA0047", Justification = "The runtime looks for this name, in no namespace.")]
[SuppressMessage("Performance", "CA1812", Justification = "Called by the runtime.")]
internal sealed class StartupHook : IObserver<DiagnosticListener>, IObserver<KeyValuePair<string, object?>>
{
    public static void Initialize() => DiagnosticListener.AllListeners.Subscribe(new StartupHook());

    public void OnNext(DiagnosticListener value)
    {
        if (value.Name == "Microsoft.Extensions.Hosting") value.Subscribe(this);
    }

    public void OnNext(KeyValuePair<string, object?> value)
    {
        if (value is { Key: "HostBuilding", Value: IHostBuilder host })
            host.ConfigureServices((_, services) => services.AddTaskExecutor<LedgerExecutor>());
    }

    public void OnCompleted()
    {
    }

    public void OnError(Exception error)
    {
    }
}
