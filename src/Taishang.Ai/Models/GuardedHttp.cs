using System.Net;
using System.Net.Sockets;

namespace Taishang.Ai.Models;

/// <summary>Finds the addresses of a host; the system's resolver outside of tests.</summary>
internal delegate Task<IPAddress[]> HostResolver(string host, CancellationToken cancellationToken);

/// <summary>Opens a connection to one of some checked addresses; the system's sockets outside of tests.</summary>
internal delegate Task<Stream> HostConnector(IPAddress[] addresses, int port, CancellationToken cancellationToken);

/// <summary>
/// Makes HTTP clients that obey an <see cref="EndpointRule"/> on the address that they really connect to: the name is
/// resolved here, the addresses are checked, and one of those is connected, so that no later answer of the name
/// server can lead elsewhere. Redirects are not followed by the client, nor is a proxy used.
/// </summary>
internal static class GuardedHttp
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan ConnectionLifetime = TimeSpan.FromMinutes(2);

    /// <summary>Makes a client; the caller disposes it.</summary>
    public static HttpClient Create(
        EndpointRule rule, ModelOptions options, HostResolver? resolver = null, HostConnector? connector = null)
    {
        HostResolver resolve = resolver ?? Dns.GetHostAddressesAsync;
        HostConnector connect = connector ?? ConnectAsync;
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            ConnectTimeout = ConnectTimeout,
            PooledConnectionLifetime = ConnectionLifetime,
            MaxConnectionsPerServer = 16,
            ConnectCallback = async (context, cancellationToken) =>
            {
                IPAddress[] addresses = await AllowedAsync(rule, resolve, context.DnsEndPoint.Host, cancellationToken);
                return await connect(addresses, context.DnsEndPoint.Port, cancellationToken);
            },
        };
        return new HttpClient(handler, disposeHandler: true)
        {
            // Each request has a limit of its own.
            Timeout = Timeout.InfiniteTimeSpan,
            MaxResponseContentBufferSize = options.MaxRemoteResponseBytes,
        };
    }

    private static async Task<IPAddress[]> AllowedAsync(
        EndpointRule rule, HostResolver resolve, string host, CancellationToken cancellationToken)
    {
        IPAddress[] found = IPAddress.TryParse(host, out IPAddress? literal)
            ? [literal]
            : await resolve(host, cancellationToken);
        IPAddress[] allowed = [.. found.Where(address => rule.RefusalOf(address) is null)];
        return allowed.Length > 0 || found.Length == 0
            ? allowed
            : throw new ModelException(
                ModelErrorKind.EndpointRefused, $"endpoint: '{host}' is {rule.RefusalOf(found[0])}.");
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
