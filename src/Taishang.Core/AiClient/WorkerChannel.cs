using System.Net.Sockets;
using Grpc.Net.Client;

namespace Taishang.Core.AiClient;

/// <summary>
/// Opens the one channel of an address. Retries, balancing and health are ours, so the channel is given none of
/// them: gRPC's own retry keeps at most 1 MB of a call, and its default receive limit is 4 MB, too small for a batch of
/// embeddings.
/// </summary>
internal static class WorkerChannel
{
    /// <summary>
    /// Large answers start at full speed on a near network instead of growing the window step by step.
    /// </summary>
    private const int StreamWindowBytes = 4 * 1024 * 1024;

    /// <param name="address"><c>http</c>, <c>https</c> or <c>unix</c>.</param>
    /// <param name="onConnect">Told of every connection that opens: another process may answer behind it.</param>
    public static GrpcChannel Open(string address, AiClientOptions options, Action onConnect)
    {
        var unix = address.StartsWith("unix:", StringComparison.Ordinal);
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            EnableMultipleHttp2Connections = true,
            ConnectTimeout = TimeSpan.FromMilliseconds(options.ConnectTimeoutMs),
            KeepAlivePingDelay = TimeSpan.FromSeconds(options.KeepAliveSeconds),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(options.KeepAliveTimeoutSeconds),
            PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
            InitialHttp2StreamWindowSize = StreamWindowBytes,
            // The trace context is set once, in the call's metadata; a second span for HTTP would say nothing new.
            ActivityHeadersPropagator = null,
            ConnectCallback = async (context, cancellation) =>
            {
                var stream = unix
                    ? await ConnectAsync(new UnixDomainSocketEndPoint(SocketPath(address)), cancellation)
                    : await ConnectAsync(context.DnsEndPoint, cancellation);
                onConnect();
                return stream;
            },
        };
        return GrpcChannel.ForAddress(unix ? "http://localhost" : address, new GrpcChannelOptions
        {
            HttpHandler = handler,
            DisposeHttpClient = true,
            MaxReceiveMessageSize = options.MessageBytesMax,
            MaxSendMessageSize = options.MessageBytesMax,
            MaxRetryAttempts = null,
        });
    }

    private static string SocketPath(string address) => Uri.UnescapeDataString(new Uri(address).AbsolutePath);

    private static async ValueTask<Stream> ConnectAsync(System.Net.EndPoint end, CancellationToken cancellation)
    {
        var socket = end is UnixDomainSocketEndPoint
            ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(end, cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
