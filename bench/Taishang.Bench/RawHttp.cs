using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Taishang.Bench;

/// <summary>
/// One keep-alive HTTP/1.1 connection that sends prepared bytes and reads one answer. A full client would take as much
/// of the two cores as the server does and measure itself.
/// </summary>
internal sealed class RawHttp : IDisposable
{
    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private byte[] _buffer = new byte[64 * 1024];

    public RawHttp(Uri address) => _socket.Connect(new IPEndPoint(IPAddress.Parse(address.Host), address.Port));

    public static byte[] Post(string path, byte[] json)
    {
        var head = $"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            + $"Content-Length: {json.Length}\r\n\r\n";
        return [.. Encoding.ASCII.GetBytes(head), .. json];
    }

    /// <summary>Sends a request and returns the whole answer, headers and chunk marks included.</summary>
    public ReadOnlySpan<byte> Send(byte[] request)
    {
        _socket.Send(request);
        var length = 0;
        while (true)
        {
            if (length == _buffer.Length) Array.Resize(ref _buffer, length * 2);
            var read = _socket.Receive(_buffer, length, _buffer.Length - length, SocketFlags.None);
            if (read == 0) throw new IOException("the server closed the connection");
            length += read;
            if (IsWhole(_buffer.AsSpan(0, length))) return Checked(_buffer.AsSpan(0, length));
        }
    }

    /// <summary>The JSON of an answer.</summary>
    public static string Body(ReadOnlySpan<byte> answer)
    {
        var text = Encoding.UTF8.GetString(answer);
        return text[text.IndexOf('{')..(text.LastIndexOf('}') + 1)];
    }

    public void Dispose() => _socket.Dispose();

    private static bool IsWhole(ReadOnlySpan<byte> answer)
    {
        var head = answer.IndexOf("\r\n\r\n"u8);
        if (head < 0) return false;
        var at = answer[..head].IndexOf("Content-Length: "u8);
        if (at < 0) return answer.EndsWith("0\r\n\r\n"u8);
        var rest = answer[(at + 16)..head];
        var end = rest.IndexOf((byte)'\r');
        return answer.Length - head - 4 >= int.Parse(end < 0 ? rest : rest[..end]);
    }

    private static ReadOnlySpan<byte> Checked(ReadOnlySpan<byte> answer) => answer.StartsWith("HTTP/1.1 20"u8)
        ? answer
        : throw new InvalidOperationException(Encoding.UTF8.GetString(answer));
}
