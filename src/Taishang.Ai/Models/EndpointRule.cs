using System.Net;
using System.Net.Sockets;

namespace Taishang.Ai.Models;

/// <summary>
/// Which addresses a remote model may live at: public ones and loopback always, private networks if they are listed,
/// and addresses where a cloud hands out its secrets, or that are no single machine, never.
/// </summary>
internal sealed class EndpointRule
{
    // Metadata and host services of the large clouds, link-local as a whole, and what is nobody's address.
    private static readonly IPNetwork[] NeverReached = Networks(
        "169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128", "fd20:ce::254/128", "100.100.100.200/32",
        "168.63.129.16/32", "192.0.0.192/32", "0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "::/128", "ff00::/8");

    // Networks that are private or reserved, so that a name that leads there was not meant for the world.
    private static readonly IPNetwork[] Private = Networks(
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "192.0.0.0/24", "198.18.0.0/15",
        "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "fc00::/7", "fec0::/10", "2001:db8::/32", "100::/64");

    private readonly IPNetwork[] _allowed;

    /// <param name="allowedNetworks">Private networks that may be reached, as CIDR.</param>
    public EndpointRule(IEnumerable<string> allowedNetworks) => _allowed = Networks([.. allowedNetworks]);

    /// <summary>Why <paramref name="address"/> may not be reached; null if it may.</summary>
    public string? RefusalOf(IPAddress address)
    {
        IPAddress inner = Unwrap(address);
        if (Holds(NeverReached, inner)) return "a metadata, link-local or reserved address, which is never reached";
        if (IPAddress.IsLoopback(inner)) return null;
        return Holds(Private, inner) && !Holds(_allowed, inner)
            ? "in a private network that is not on the allow-list"
            : null;
    }

    /// <summary>Checks the form of an endpoint and gives it without a slash at its end.</summary>
    /// <exception cref="ModelException">It is no http or https address, or carries credentials.</exception>
    public static Uri Parse(string endpoint)
    {
        if (!Uri.TryCreate(endpoint.TrimEnd('/'), UriKind.Absolute, out Uri? uri)
            || (uri.Scheme != Uri.UriSchemeHttp && uri.Scheme != Uri.UriSchemeHttps))
        {
            throw new ModelException(ModelErrorKind.InvalidConfig, "endpoint: an http or https address is expected.");
        }
        if (uri.UserInfo.Length > 0 || uri.Query.Length > 0 || uri.Fragment.Length > 0)
        {
            throw new ModelException(ModelErrorKind.InvalidConfig,
                "endpoint: an address without credentials, query and fragment is expected.");
        }
        return uri;
    }

    private static bool Holds(IPNetwork[] networks, IPAddress address)
    {
        foreach (IPNetwork network in networks)
        {
            if (network.Contains(address)) return true;
        }
        return false;
    }

    // IPv6 has several ways to write an IPv4 address (mapped, compatible, NAT64, 6to4); a rule for one is one for all.
    private static IPAddress Unwrap(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6) return address;
        if (address.IsIPv4MappedToIPv6) return address.MapToIPv4();
        byte[] bytes = address.GetAddressBytes();
        bool zeros = bytes.AsSpan(0, 12).IndexOfAnyExcept((byte)0) < 0;
        bool compatible = zeros && bytes.AsSpan(12, 3).IndexOfAnyExcept((byte)0) >= 0;
        bool translated = bytes.AsSpan(0, 12).SequenceEqual<byte>([0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0]);
        if (compatible || translated) return new IPAddress(bytes.AsSpan(12, 4));
        return bytes[0] == 0x20 && bytes[1] == 0x02 ? new IPAddress(bytes.AsSpan(2, 4)) : address;
    }

    private static IPNetwork[] Networks(params string[] texts) => [.. texts.Select(text => IPNetwork.Parse(text))];
}
