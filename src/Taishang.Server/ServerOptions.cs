using Microsoft.Extensions.Configuration;

namespace Taishang.Server;

/// <summary>Which part of taishang a process plays.</summary>
internal enum ServerRole
{
    All,
    Core,
    Ai,
}

/// <summary>
/// What the executable itself needs to know, read from the section `Taishang` of the configuration: switches first,
/// then environment (`Taishang__Http`), then appsettings.json in the working folder.
/// </summary>
internal sealed class ServerOptions
{
    public const string HttpDefault = "http://127.0.0.1:7080";
    public const string GrpcDefault = "http://127.0.0.1:7081";
    public const string DataDefault = "./data";

    /// <summary>all (default), core or ai.</summary>
    public ServerRole Role { get; set; } = ServerRole.All;

    /// <summary>Where REST, the web page, health and metrics are served. An ai alone serves health and metrics there,
    /// and only when the address is given, so that it runs beside a core with nothing set.</summary>
    public string? Http { get; set; }

    /// <summary>Where ai serves gRPC (HTTP/2 without TLS).</summary>
    public string Grpc { get; set; } = GrpcDefault;

    /// <summary>Folder of everything that lasts.</summary>
    public string Data { get; set; } = DataDefault;

    /// <summary>Seconds that a stop may take before it is cut short, 1–600. Default 25: less than the 30 that
    /// container runtimes grant.</summary>
    public int StopTimeoutSeconds { get; set; } = 25;

    public string DataFolder => Path.GetFullPath(Data);

    public bool HasCore => Role != ServerRole.Ai;

    public bool HasAi => Role != ServerRole.Core;

    /// <exception cref="StartRefusedException">A value can not be used; the message names the switch.</exception>
    public static ServerOptions Read(IConfiguration configuration)
    {
        ServerOptions options;
        try
        {
            options = configuration.GetSection("Taishang").Get<ServerOptions>() ?? new ServerOptions();
        }
        catch (InvalidOperationException e)
        {
            throw new StartRefusedException(ExitCode.Usage, $"configuration: {e.Message}", e);
        }

        if (options.HasCore) options.Http ??= HttpDefault;
        CheckAddress("--http", options.Http);
        CheckAddress("--grpc", options.Grpc);
        if (options.StopTimeoutSeconds is < 1 or > 600)
            throw new StartRefusedException(
                ExitCode.Usage, $"Taishang:StopTimeoutSeconds: expected 1–600, came {options.StopTimeoutSeconds}");
        return options;
    }

    private static void CheckAddress(string name, string? address)
    {
        if (address is null) return;
        if (Uri.TryCreate(address, UriKind.Absolute, out var uri) && uri.Scheme == "http" && uri.AbsolutePath == "/"
            && uri.Query.Length == 0) return;
        throw new StartRefusedException(
            ExitCode.Usage, $"{name}: expected an address such as {HttpDefault}, came '{address}'");
    }
}
