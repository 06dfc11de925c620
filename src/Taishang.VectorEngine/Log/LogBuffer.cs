using System.Buffers;
using System.IO.Hashing;

namespace Taishang.VectorEngine.Log;

/// <summary>A record's payload in pooled memory. Whoever fills it seals it, on the caller's thread: the one that writes
/// the log is shared by all.</summary>
internal sealed class LogBuffer(int payloadBytes, int entries) : IDisposable
{
    private byte[]? _bytes = ArrayPool<byte>.Shared.Rent(payloadBytes);

    public int Entries { get; } = entries;

    /// <summary>Bytes in the log, header and padding included.</summary>
    public int TotalBytes { get; } = (int)LogFormat.Aligned(LogFormat.RecordHeaderBytes + (long)payloadBytes);

    public Span<byte> Payload => Bytes.AsSpan(0, payloadBytes);

    public ReadOnlyMemory<byte> PayloadMemory => Bytes.AsMemory(0, payloadBytes);

    /// <summary>Of the payload; what a start compares it with.</summary>
    public ulong Hash { get; private set; }

    private byte[] Bytes => _bytes ?? throw new ObjectDisposedException(nameof(LogBuffer));

    /// <summary>Ends the filling.</summary>
    public void Seal() => Hash = XxHash3.HashToUInt64(Payload);

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _bytes, null) is { } bytes)
            ArrayPool<byte>.Shared.Return(bytes);
    }
}
