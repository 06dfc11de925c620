using System.Net;
using System.Net.Sockets;
using Taishang.Core.Api;

namespace Taishang.Core.Security;

/// <summary>Finds the addresses of a host name; DNS, or what a test says.</summary>
public delegate Task<IPAddress[]> HostResolver(string host, CancellationToken cancellation);

/// <summary>
/// Which endpoints may be registered: public addresses and loopback; private networks when they are listed; addresses
/// where a cloud hands out its secrets, or that are no single machine, never. A name is judged by every address that
/// it has. This is the check when an endpoint is saved; the worker checks the address that it really connects to.
/// </summary>
public sealed class EndpointRule
{
    public const int EndpointLengthMax = 255;

    private static readonly TimeSpan ResolveTimeout = TimeSpan.FromSeconds(5);

    // The clouds' metadata and host services, link-local as a whole, and what is nobody's address.
    private static readonly IPNetwork[] Never = Parse(
        "169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128", "fd20:ce::254/128", "100.100.100.200/32",
        "168.63.129.16/32", "192.0.0.192/32", "0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "::/128", "ff00::/8",
        // Teredo hides the address of its server and client.
        "2001::/32");

    // Private or reserved: a name that leads there was not meant for the world.
    private static readonly IPNetwork[] Private = Parse(
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "192.0.0.0/24", "198.18.0.0/15",
        "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "fc00::/7", "fec0::/10", "2001:db8::/32", "100::/64");

    // Where clouds serve metadata by name; refused even when the name does not resolve here.
    private static readonly string[] NeverNames = ["metadata", "metadata.google.internal", "instance-data"];

    private readonly IPNetwork[] _allowed;
    private readonly HostResolver _resolve;

    /// <param name="allowedNetworks">Private networks that may be reached, as CIDR.</param>
    /// <param name="resolve">Null for DNS.</param>
    public EndpointRule(IEnumerable<string> allowedNetworks, HostResolver? resolve = null)
    {
        _allowed = Parse([.. allowedNetworks]);
        _resolve = resolve ?? ((host, cancellation) => Dns.GetHostAddressesAsync(host, cancellation));
    }

    /// <summary>Checks an endpoint as it is about to be saved.</summary>
    /// <exception cref="ApiException">The form is wrong (20003) or the address may not be reached (80001).</exception>
    public async Task CheckAsync(string endpoint, CancellationToken cancellation)
    {
        var host = HostOf(endpoint);
        if (host is "localhost" || host.EndsWith(".localhost", StringComparison.Ordinal)) return;
        if (NeverNames.Contains(host)) throw Forbidden($"'{host}' is a cloud's metadata service");
        foreach (var address in await AddressesAsync(host, cancellation))
        {
            if (RefusalOf(address) is { } why) throw Forbidden($"'{host}' is at {address}, {why}");
        }
    }

    /// <summary>An address of the host to connect to now, judged now: names move.</summary>
    /// <exception cref="ApiException">None that may be reached (80001).</exception>
    public async Task<IPAddress> ResolveAsync(string host, CancellationToken cancellation)
    {
        string? refusal = null;
        foreach (var address in await AddressesAsync(host, cancellation))
        {
            if (RefusalOf(address) is not { } why) return address;
            refusal ??= $"'{host}' is at {address}, {why}";
        }

        throw Forbidden(refusal ?? $"'{host}' has no address");
    }

    /// <summary>Why an address may not be reached; null when it may.</summary>
    public string? RefusalOf(IPAddress address)
    {
        var inner = Unwrap(address);
        if (Holds(Never, inner) || Holds(Never, address))
            return "a metadata, link-local or reserved address, which is never reached";
        if (IPAddress.IsLoopback(inner)) return null;
        return Holds(Private, inner) && !Holds(_allowed, inner)
            ? "in a private network that is not on the allow-list"
            : null;
    }

    /// <summary>The host in lower case, without a last dot; numbers in any base come back as dotted IPv4.</summary>
    private static string HostOf(string endpoint)
    {
        if (endpoint.Length is 0 or > EndpointLengthMax)
            throw Malformed($"expected 1 to {EndpointLengthMax} characters, came {endpoint.Length}");
        // Parsers disagree on these, and a rule that reads another host than the client is no rule.
        if (endpoint.AsSpan().ContainsAny('\\', '@') || endpoint.Any(c => char.IsWhiteSpace(c) || char.IsControl(c)))
            throw Malformed("expected an address without credentials, spaces and backslashes");
        if (!Uri.TryCreate(endpoint, UriKind.Absolute, out var uri)
            || (uri.Scheme != Uri.UriSchemeHttp && uri.Scheme != Uri.UriSchemeHttps))
            throw Malformed("expected an http or https address");
        if (uri.UserInfo.Length > 0 || uri.Query.Length > 0 || uri.Fragment.Length > 0)
            throw Malformed("expected an address without credentials, query and fragment");
        var host = uri.IdnHost.Trim('[', ']').TrimEnd('.').ToLowerInvariant();
        if (host.Length == 0) throw Malformed("expected a host");
        // Not an address to this parser, but one to some resolver: 0x7f.1, 127.1.
        var last = host[(host.LastIndexOf('.') + 1)..];
        if (!IPAddress.TryParse(host, out _) && (char.IsAsciiDigit(last[0]) || last.Length == 0))
            throw Malformed($"'{host}' looks like a number but is no address");
        return host;
    }

    private async Task<IPAddress[]> AddressesAsync(string host, CancellationToken cancellation)
    {
        if (IPAddress.TryParse(host, out var literal)) return [literal];
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(ResolveTimeout);
        try
        {
            var addresses = await _resolve(host, limit.Token);
            return addresses.Length > 0 ? addresses : throw Forbidden($"'{host}' has no address");
        }
        catch (Exception e) when (e is SocketException or ArgumentException
            || (e is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            throw Forbidden($"'{host}' can not be resolved, so its address can not be judged");
        }
    }

    // IPv6 has several ways to write an IPv4 address (mapped, compatible, NAT64, 6to4); a rule for one is one for all.
    private static IPAddress Unwrap(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6) return address;
        if (address.IsIPv4MappedToIPv6) return address.MapToIPv4();
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        var zeros = bytes[..12].IndexOfAnyExcept((byte)0) < 0;
        if (zeros && bytes[12..15].IndexOfAnyExcept((byte)0) >= 0) return new IPAddress(bytes[12..]);
        if (bytes[..12].SequenceEqual<byte>([0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0]))
            return new IPAddress(bytes[12..]);
        return bytes[0] == 0x20 && bytes[1] == 0x02 ? new IPAddress(bytes[2..6]) : address;
    }

    private static bool Holds(IPNetwork[] networks, IPAddress address)
    {
        // The scope (fe80::1%eth0) names a card of this machine, not another address.
        var plain = address is { AddressFamily: AddressFamily.InterNetworkV6, ScopeId: not 0 }
            ? new IPAddress(address.GetAddressBytes())
            : address;
        foreach (var network in networks)
        {
            if (network.Contains(plain)) return true;
        }

        return false;
    }

    private static IPNetwork[] Parse(params string[] texts) => [.. texts.Select(text => IPNetwork.Parse(text))];

    private static ApiException Malformed(string why) =>
        new(ErrorCodes.ModelInvalid, $"endpoint: {why}",
            [new FieldError("endpoint", ErrorCodes.ModelInvalid.Number, why)]);

    private static ApiException Forbidden(string why) =>
        new(ErrorCodes.EndpointForbidden, $"endpoint: {why}",
            [new FieldError("endpoint", ErrorCodes.EndpointForbidden.Number, why)]);
}
