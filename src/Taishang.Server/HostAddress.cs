using System.Net;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Taishang.Server;

/// <summary>Addresses as the user writes them, as Kestrel listens on them, and as a neighbour reaches them.</summary>
internal static class HostAddress
{
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
}
