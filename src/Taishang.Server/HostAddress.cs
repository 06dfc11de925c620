using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Taishang.Server;

/// <summary>Addresses as the user writes them, as Kestrel listens on them, and as a neighbour reaches them.</summary>
internal static class HostAddress
{
    /// <summary>Systems take about a hundred bytes for the path of a socket.</summary>
    private const int SocketPathBytesMax = 100;

    public static void Listen(KestrelServerOptions kestrel, string address, HttpProtocols protocols)
    {
        var uri = new Uri(address);
        void Configure(ListenOptions listen) => listen.Protocols = protocols;
        if (IPAddress.TryParse(uri.Host.Trim('[', ']'), out var ip)) kestrel.Listen(ip, uri.Port, Configure);
        else if (uri.Host == "localhost") kestrel.ListenLocalhost(uri.Port, Configure);
        else kestrel.ListenAnyIP(uri.Port, Configure);
    }

    /// <summary>An address that listens everywhere is reached through loopback.</summary>
    public static string Reachable(string address)
    {
        var uri = new Uri(address);
        var host = uri.Host is "0.0.0.0" or "[::]" or "+" or "*" ? "127.0.0.1" : uri.Host;
        return $"http://{host}:{uri.Port}";
    }

    /// <summary>
    /// Where core and ai of one process meet beside the TCP address: a socket in the data folder, which takes half the
    /// time of loopback. Null where there are not both, or where the folder can not hold a socket.
    /// </summary>
    public static string? LocalSocket(ServerOptions options)
    {
        var path = Path.Combine(options.DataFolder, "ai.sock");
        if (options.Role != ServerRole.All || Encoding.UTF8.GetByteCount(path) > SocketPathBytesMax) return null;
        try
        {
            // One left by a killed process is nobody's: the data folder is locked by us.
            File.Delete(path);
            using (var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
                probe.Bind(new UnixDomainSocketEndPoint(path));
            File.Delete(path);
            return path;
        }
        catch (Exception e) when (e is SocketException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>A socket's path as an address of a worker.</summary>
    public static string OfSocket(string path) =>
        "unix://" + string.Join('/', path.Split('/').Select(Uri.EscapeDataString));
}
