namespace Taishang.Ai.Models;

/// <summary>
/// A service's answer, read no further than its limits: so many bytes in all, and, for a stream of events, so many
/// without an empty line.
/// </summary>
internal sealed class BoundedStream(Stream inner, long maxBytes, long maxEventBytes = long.MaxValue) : Stream
{
    private const int BlockBytes = 64 << 10;
    private long _total;
    private long _event;
    private bool _lineIsEmpty = true;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => _total;
        set => throw new NotSupportedException();
    }

    /// <summary>Reads what is left.</summary>
    /// <exception cref="ModelException">There is more than the limit.</exception>
    public async Task<byte[]> ReadAllAsync(CancellationToken cancellationToken)
    {
        using var all = new MemoryStream();
        byte[] block = new byte[BlockBytes];
        while (true)
        {
            int read = await ReadAsync(block, cancellationToken);
            if (read == 0) return all.ToArray();
            all.Write(block, 0, read);
        }
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int read = await inner.ReadAsync(buffer, cancellationToken);
        _total += read;
        if (_total > maxBytes) throw TooLarge($"more than {maxBytes} bytes");
        if (maxEventBytes < long.MaxValue) Count(buffer.Span[..read]);
        return read;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush() => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing) inner.Dispose();
        base.Dispose(disposing);
    }

    private void Count(ReadOnlySpan<byte> bytes)
    {
        foreach (byte piece in bytes)
        {
            if (++_event > maxEventBytes) throw TooLarge($"an event of more than {maxEventBytes} bytes");
            if (piece == '\r') continue;
            if (piece != '\n') _lineIsEmpty = false;
            else if (_lineIsEmpty) _event = 0;
            else _lineIsEmpty = true;
        }
    }

    private static ModelException TooLarge(string what) =>
        new(ModelErrorKind.UpstreamFailed, $"The service's answer has {what}.");
}
