using System.Net;
using System.Net.Sockets;

namespace Taishang.Testing.Processes;

/// <summary>
/// Loopback ports that are known before anything listens on them: for a server that must come back on the same one,
/// and for one that is not there. They lie below the range from which the system serves "any port" and the near ends
/// of connections (32768 and above), so nothing that runs beside a test takes one in the meantime, and below the one
/// of <c>scripts/test-postgres</c>. Processes begin at different places.
/// </summary>
public static class LoopbackPort
{
    private const int First = 10_000;
    private const int Count = 9_000;
    private const int TriesMax = 100;

    private static int _turn = Environment.ProcessId * 97;

    /// <summary>A port on which nobody listens; each call gives another.</summary>
    public static int Free()
    {
        for (var i = 0; i < TriesMax; i++)
        {
            var port = First + (int)((uint)Interlocked.Increment(ref _turn) % Count);
            try
            {
                using var listener = new TcpListener(IPAddress.Loopback, port);
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // Somebody else's; the next one.
            }
        }

        throw new InvalidOperationException($"no free port was found in {TriesMax} tries from {First} on");
    }
}
