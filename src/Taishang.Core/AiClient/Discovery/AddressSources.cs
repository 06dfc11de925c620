using System.Net;

namespace Taishang.Core.AiClient.Discovery;

/// <summary>Makes the source that an entry of the address list asks for.</summary>
internal sealed class AddressSources(DnsLookup lookup, HttpClient http) : IDisposable
{
    /// <summary>The system's resolver and a plain HTTP client without proxy: agents are near.</summary>
    public static AddressSources OfSystem(AiClientOptions options)
    {
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            ConnectTimeout = TimeSpan.FromMilliseconds(options.ConnectTimeoutMs),
        };
        return new AddressSources(Dns.GetHostAddressesAsync, new HttpClient(handler)
        {
            Timeout = TimeSpan.FromMilliseconds(Math.Max(options.ResolveIntervalMs, 1_000)),
            MaxResponseContentBufferSize = ConsulAddresses.AnswerBytesMax,
        });
    }

    public IReadOnlyList<IAddressSource> Of(AiClientOptions options) =>
        WorkerAddress.ParseList(options.Addresses).Select(address => Of(address, options)).ToArray();

    public void Dispose() => http.Dispose();

    private IAddressSource Of(WorkerAddress address, AiClientOptions options) => address.Kind switch
    {
        WorkerAddressKind.Dns => new DnsAddresses(address, lookup),
        WorkerAddressKind.Consul => new ConsulAddresses(address, http, options.ConsulToken),
        _ => new FixedAddress(address),
    };
}
