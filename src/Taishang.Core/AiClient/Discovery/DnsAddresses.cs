using System.Net;
using System.Net.Sockets;

namespace Taishang.Core.AiClient.Discovery;

/// <summary>Looks a host name up.</summary>
internal delegate Task<IPAddress[]> DnsLookup(string host, CancellationToken cancellation);

/// <summary>Every address behind a DNS name is a worker, as a headless service of a cluster gives them.</summary>
internal sealed class DnsAddresses(WorkerAddress address, DnsLookup lookup) : IAddressSource
{
    public string Name => address.Text;

    public bool Changes => true;

    public async Task<IReadOnlyList<string>> ResolveAsync(CancellationToken cancellation)
    {
        var found = await lookup(address.Host, cancellation);
        return found.Select(ip => ip.AddressFamily == AddressFamily.InterNetworkV6
            ? $"http://[{ip}]:{address.Port}"
            : $"http://{ip}:{address.Port}").Distinct().Order(StringComparer.Ordinal).ToArray();
    }
}
