using System.Net;
using System.Net.Sockets;

namespace Taishang.Ai.Models;

/// <summary>Finds the addresses of a host; the system's resolver outside of tests.</summary>
internal delegate Task<IPAddress[]> HostResolver(string host, CancellationToken cancellationToken);

/// <summary>Opens a connection to one of some checked addresses; the system's sockets outside of tests.</summary>
internal delegate Task<Stream> HostConnector(IPAddress[] addresses, int port, CancellationToken cancellationToken);

/// <summary>
/// Makes HTTP handlers that obey an <see cref="EndpointRule"/> on the address that they really connect to: the name is
/// resolved here, the addresses are checked, and one of those is connected, so that no later answer of the name
/// server can lead elsewhere. Redirects are not followed by the handler, nor is a proxy used.
/// </summary>
internal sealed class GuardedHttp(ModelOptions options, HostResolver? resolver = null, HostConnector? connector = null)
{
    private static readonly TimeSpan ConnectionLifetime = TimeSpan.FromMinutes(2);

    // An answer that nobody waits for any more is not read to its end to save its connection: only what is there
    // already, such as the last mark of a stream, is.
    private const int DrainBytes = 1 << 10;
    private static readonly TimeSpan DrainTime = TimeSpan.FromMilliseconds(20);

    private readonly EndpointRule _rule = new(options.AllowedNetworks);
    private readonly HostResolver _resolve = resolver ?? Dns.GetHostAddressesAsync;
    private readonly HostConnector _connect = connector ?? ConnectAsync;

    /// <summary>Makes a handler; whoever gets it disposes it.</summary>
    public SocketsHttpHandler CreateHandler(int connectTimeoutMs) => new()
    {
        AllowAutoRedirect = false,
        UseProxy = false,
        UseCookies = false,
        AutomaticDecompression = DecompressionMethods.None,
        ConnectTimeout = TimeSpan.FromMilliseconds(connectTimeoutMs),
        PooledConnectionLifetime = ConnectionLifetime,
        MaxConnectionsPerServer = options.MaxRemoteConnections,
        EnableMultipleHttp2Connections = true,
        MaxResponseDrainSize = DrainBytes,
        ResponseDrainTimeout = DrainTime,
        ConnectCallback = async (context, cancellationToken) =>
        {
            IPAddress[] addresses = await AllowedAsync(context.DnsEndPoint.Host, cancellationToken);
            return await _connect(addresses, context.DnsEndPoint.Port, cancellationToken);
        },
    };

    /// <summary>The refusal of an address that lies somewhere behind a failure of the transport; null if that was
    /// none.</summary>
    public static ModelException? RefusalIn(Exception? failure)
    {
        for (Exception? cause = failure; cause is not null; cause = cause.InnerException)
        {
            if (cause is ModelException refusal) return new ModelException(refusal.Kind, refusal.Message, failure);
        }
        return null;
    }

    private async Task<IPAddress[]> AllowedAsync(string host, CancellationToken cancellationToken)
    {
        IPAddress[] found = IPAddress.TryParse(host, out IPAddress? literal)
            ? [literal]
            : await _resolve(host, cancellationToken);
        IPAddress[] allowed = [.. found.Where(address => _rule.RefusalOf(address) is null)];
        return allowed.Length > 0 || found.Length == 0
            ? allowed
            : throw new ModelException(
                ModelErrorKind.EndpointRefused, $"endpoint: '{host}' is {_rule.RefusalOf(found[0])}.");
    }

    private static async Task<Stream> ConnectAsync(
        IPAddress[] addresses, int port, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(addresses, port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
