namespace Taishang.Core.AiClient;

/// <summary>How the addresses of one entry of the list are found.</summary>
internal enum WorkerAddressKind
{
    Http,
    Unix,
    Dns,
    Consul,
}

/// <summary>One entry of <see cref="AiClientOptions.Addresses"/>.</summary>
/// <param name="Kind">How it is resolved.</param>
/// <param name="Text">As it was written.</param>
/// <param name="Host">Host of the worker, the DNS name or the Consul agent; empty for a socket.</param>
/// <param name="Port">Its port; 0 for a socket.</param>
/// <param name="Path">Path of the socket, or the Consul service; empty otherwise.</param>
internal sealed record WorkerAddress(WorkerAddressKind Kind, string Text, string Host, int Port, string Path)
{
    /// <exception cref="InvalidOperationException">An entry has no known form, or there are none or too
    /// many.</exception>
    public static IReadOnlyList<WorkerAddress> ParseList(string list)
    {
        var parts = list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (parts.Length is 0 or > AiClientOptions.AddressesMax)
            throw Invalid(list, $"expected 1 to {AiClientOptions.AddressesMax} addresses, came {parts.Length}");
        return parts.Distinct(StringComparer.Ordinal).Select(Parse).ToArray();
    }

    private static WorkerAddress Parse(string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri)) throw Invalid(text, "expected a URL");
        switch (uri.Scheme)
        {
            case "http" or "https":
                if (uri.AbsolutePath != "/" || uri.Query.Length > 0) throw Invalid(text, "expected no path");
                return new(WorkerAddressKind.Http, uri.GetLeftPart(UriPartial.Authority), uri.Host, uri.Port, "");
            case "unix":
                if (uri.AbsolutePath.Length < 2 || uri.Host.Length > 0) throw Invalid(text, "expected unix:///path");
                return new(WorkerAddressKind.Unix, text, "", 0, Uri.UnescapeDataString(uri.AbsolutePath));
            case "dns":
                return ParseDns(text, uri);
            case "consul":
                var service = uri.AbsolutePath.Trim('/');
                if (uri.Host.Length == 0 || service.Length == 0 || service.Contains('/'))
                    throw Invalid(text, "expected consul://host:port/service");
                var port = uri.Port > 0 ? uri.Port : 8500;
                return new(WorkerAddressKind.Consul, text, uri.Host, port, Uri.UnescapeDataString(service));
            default:
                throw Invalid(text, "expected http, https, unix, dns or consul");
        }
    }

    private static WorkerAddress ParseDns(string text, Uri uri)
    {
        var target = uri.AbsolutePath.Trim('/');
        var colon = target.LastIndexOf(':');
        if (uri.Host.Length > 0 || colon <= 0
            || !int.TryParse(target.AsSpan(colon + 1), out var port) || port is < 1 or > 65535)
            throw Invalid(text, "expected dns:///host:port");
        return new(WorkerAddressKind.Dns, text, target[..colon].Trim('[', ']'), port, "");
    }

    private static InvalidOperationException Invalid(string text, string why) =>
        new($"Taishang:Ai:Addresses: '{text}': {why}");
}
