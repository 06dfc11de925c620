using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Taishang.Testing.Processes;

namespace Taishang.Bench;

/// <summary>
/// A target whose endpoint dies after it was registered: one that refuses connections, and one that never answers them,
/// which only the connect deadline ends. The built-in model stands behind both.
/// </summary>
internal static class FallbackBench
{
    private const int ConnectTimeoutMs = 500;
    private const int Calls = 5;

    public static async Task RunAsync(ServerProcess server, Report report, CancellationToken cancellation)
    {
        using var endpoint = new Endpoint();
        var answering = endpoint.AnswerAsync(cancellation);
        var made = await server.PostAsync("/api/taishang/models", new
        {
            name = "dying",
            provider = "openai",
            version = "1.0.0",
            endpoint = $"http://127.0.0.1:{endpoint.Port}/v1",
            config = new { task = "embedding", connect_timeout_ms = ConnectTimeoutMs },
        });
        if ((string?)made["data"]?["status"] != "active")
            throw new InvalidOperationException($"the endpoint was not taken: {made.ToJsonString()}");
        var routed = await server.PostAsync("/api/taishang/routes", new
        {
            name = "dying",
            targets = new[] { new { model = "openai/dying" } },
            fallbacks = new[] { new { model = "builtin/taishang-embed" } },
            cooldown = new { errors = 1_000 },
            cache = new { vectors = false },
        });
        if ((int?)routed["code"] != 0) throw new InvalidOperationException(routed.ToJsonString());
        endpoint.Stop();
        await answering;
        report.Add("fallback after a refused connection", await MeasureAsync(server), "ms");
        using var silent = new SilentPort(endpoint.Port);
        report.Add($"fallback after silence, connect deadline {ConnectTimeoutMs} ms", await MeasureAsync(server), "ms");
    }

    /// <summary>The longest of a few.</summary>
    private static async Task<double> MeasureAsync(ServerProcess server)
    {
        var longest = 0.0;
        for (var i = 0; i < Calls; i++)
        {
            var start = Stopwatch.GetTimestamp();
            var answer = await server.PostAsync("/api/taishang/routes/dying/embed", new { text = $"text {i}" });
            longest = Math.Max(longest, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            if ((string?)answer["data"]?["served"]?["target"] != "builtin/taishang-embed")
                throw new InvalidOperationException(answer.ToJsonString());
        }

        return longest;
    }

    /// <summary>Gives every request the same vector, one connection at a time, until it is stopped.</summary>
    private sealed class Endpoint : IDisposable
    {
        /// <summary>As long as the fallback's: a route takes only targets whose vectors fit each other.</summary>
        private static readonly byte[] Body = Encoding.ASCII.GetBytes(
            """{"object":"list","data":[{"object":"embedding","index":0,"embedding":["""
            + string.Join(',', Enumerable.Repeat("0.03125", 1_024))
            + """]}],"model":"m","usage":{"prompt_tokens":1,"total_tokens":1}}""");

        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

        public Endpoint()
        {
            _listener.Start();
            Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        }

        /// <summary>Kept, since a listener that was stopped no longer knows it.</summary>
        public int Port { get; }

        public async Task AnswerAsync(CancellationToken cancellation)
        {
            try
            {
                while (true)
                {
                    using var client = await _listener.AcceptTcpClientAsync(cancellation);
                    var stream = client.GetStream();
                    await ReadAsync(stream, cancellation);
                    await stream.WriteAsync(Encoding.ASCII.GetBytes(
                        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
                        + $"Content-Length: {Body.Length}\r\n\r\n"), cancellation);
                    await stream.WriteAsync(Body, cancellation);
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
            {
                // Stopped.
            }
        }

        public void Stop() => _listener.Stop();

        public void Dispose() => _listener.Dispose();

        /// <summary>The whole of a small request: its head, and as much as that promises.</summary>
        private static async Task ReadAsync(NetworkStream stream, CancellationToken cancellation)
        {
            var text = new StringBuilder();
            var buffer = new byte[4_096];
            while (true)
            {
                var request = text.ToString();
                if (request.Contains("\r\n\r\n", StringComparison.Ordinal)
                    && (request.EndsWith('}') || request.EndsWith("0\r\n\r\n", StringComparison.Ordinal))) return;
                var read = await stream.ReadAsync(buffer, cancellation);
                if (read == 0) return;
                text.Append(Encoding.UTF8.GetString(buffer, 0, read));
            }
        }
    }

    /// <summary>A port whose queue of connections is full: the next one waits for an answer that never comes.</summary>
    private sealed class SilentPort : IDisposable
    {
        private const int QueueFill = 8;

        private readonly List<Socket> _sockets = [];

        public SilentPort(int port)
        {
            var listener = New();
            listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            listener.Bind(new IPEndPoint(IPAddress.Loopback, port));
            listener.Listen(0);
            for (var i = 0; i < QueueFill; i++)
            {
                var socket = New();
                socket.Blocking = false;
                try
                {
                    socket.Connect(IPAddress.Loopback, port);
                }
                catch (SocketException)
                {
                    // Begun, and that is enough.
                }
            }
        }

        public void Dispose()
        {
            foreach (var socket in _sockets) socket.Dispose();
        }

        private Socket New()
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            _sockets.Add(socket);
            return socket;
        }
    }
}
