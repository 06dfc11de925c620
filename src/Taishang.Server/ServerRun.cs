using System.Net.Sockets;
using System.Reflection;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Taishang.Hosting.Health;

namespace Taishang.Server;

/// <summary>
/// One life of the process: lock the data folder, start ai before core (core asks it), wait for a signal, stop core
/// before ai (core's last calls still find it).
/// </summary>
internal static class ServerRun
{
    public static string Version { get; } =
        typeof(ServerRun).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion
            .Split('+')[0];

    public static async Task<int> RunAsync(Dictionary<string, string?> switches, CancellationToken cancellation)
    {
        try
        {
            var configuration = new ConfigurationBuilder()
                .AddJsonFile(Path.GetFullPath("appsettings.json"), optional: true)
                .AddEnvironmentVariables()
                .AddInMemoryCollection(switches)
                .Build();
            var options = ServerOptions.Read(configuration);
            using var held = DataFolderLock.Take(options, configuration["Taishang:Database:Connection"]);
            return await ServeAsync(configuration, options, held, cancellation);
        }
        catch (StartRefusedException e)
        {
            await Console.Error.WriteLineAsync($"taishang: {e.Message}");
            return e.ExitCode;
        }
        catch (Exception e) when (e is InvalidDataException or FormatException
            or Microsoft.Extensions.Options.OptionsValidationException)
        {
            await Console.Error.WriteLineAsync($"taishang: configuration: {e.Message}");
            return ExitCode.Usage;
        }
    }

    private static async Task<int> ServeAsync(
        IConfigurationRoot configuration, ServerOptions options, DataFolderLock held, CancellationToken cancellation)
    {
        var socket = HostAddress.LocalSocket(options);
        await using var ai = options.HasAi ? AiHost.Build(configuration, options, socket) : null;
        if (ai is not null) await StartAsync(ai, cancellation);
        var grpc = ai is null ? null : Addresses(ai)[0];

        await using var core = options.HasCore
            ? CoreHost.Build(
                configuration, options,
                socket is null
                    ? HostAddress.Reachable(grpc ?? ServerOptions.GrpcDefault)
                    : HostAddress.OfSocket(socket),
                ai?.Services.GetServices<IReadinessCheck>() ?? [])
            : null;
        if (core is not null) await StartAsync(core, cancellation);
        var http = core is not null ? Addresses(core)[0] : Addresses(ai!).ElementAtOrDefault(1);

        held.Describe(new JsonObject
        {
            ["pid"] = Environment.ProcessId,
            ["role"] = options.Role.ToString().ToLowerInvariant(),
            ["version"] = Version,
            ["http"] = http,
            ["grpc"] = grpc,
            ["started_at"] = TimeProvider.System.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'"),
        });
        Banner(options, http, grpc);

        using var stopping = new StopSignal(cancellation);
        await stopping.WaitAsync();
        return await StopAsync(core, ai, TimeSpan.FromSeconds(options.StopTimeoutSeconds));
    }

    private static async Task StartAsync(WebApplication app, CancellationToken cancellation)
    {
        try
        {
            await app.StartAsync(cancellation);
        }
        catch (Exception e) when (e is IOException { InnerException: AddressInUseException } or SocketException)
        {
            throw new StartRefusedException(ExitCode.AddressUnavailable, e.Message, e);
        }
    }

    private static async Task<int> StopAsync(WebApplication? core, WebApplication? ai, TimeSpan limit)
    {
        using var timeout = new CancellationTokenSource(limit);
        try
        {
            if (core is not null) await core.StopAsync(timeout.Token);
            if (ai is not null) await ai.StopAsync(timeout.Token);
            return timeout.IsCancellationRequested ? ExitCode.StopTimedOut : ExitCode.Stopped;
        }
        catch (OperationCanceledException)
        {
            return ExitCode.StopTimedOut;
        }
    }

    private static string[] Addresses(WebApplication app) =>
        [.. app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses];

    /// <summary>For people, so on the error stream: the output stream holds nothing but log lines.</summary>
    private static void Banner(ServerOptions options, string? http, string? grpc)
    {
        Console.Error.WriteLine($"taishang {Version}  role {options.Role.ToString().ToLowerInvariant()}");
        if (http is not null) Console.Error.WriteLine($"  http  {http}");
        if (grpc is not null) Console.Error.WriteLine($"  grpc  {grpc}");
        Console.Error.WriteLine($"  data  {options.DataFolder}");
        Console.Error.WriteLine("  Ctrl+C stops");
    }
}
