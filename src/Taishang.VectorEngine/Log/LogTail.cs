using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Log;

/// <summary>
/// Decides what an unreadable end of the last log file is. Torn: the file ends inside the record, or a sector of it was
/// never written and reads as zeros; then the write was not acknowledged. Damage: everything is there and does not
/// match, or a later record says that this place was durable when it was written.
/// </summary>
internal sealed class LogTail(IStorageFile file, string path, long start)
{
    private const int WindowBytes = 1 << 20;

    /// <exception cref="CorruptDataException">The tail holds, or held, something that was acknowledged.</exception>
    public void RequireTorn()
    {
        if (LaterRecordSaysDurable())
            throw new CorruptDataException(path, start, "a record that was acknowledged does not match its checksum");

        if (End() is { } end && !HasUnwrittenSector(end))
            throw new CorruptDataException(path, start, "a whole record does not match its checksum");
    }

    /// <summary>
    /// Where the record ends, by its header, or else where the file's content does: the zeros behind it fill up a
    /// block, and say nothing. Null when something is missing for certain: the file ends inside the record, or what is
    /// there is less than a header.
    /// </summary>
    private long? End()
    {
        Span<byte> header = stackalloc byte[LogFormat.RecordHeaderBytes];
        if (file.Read(start, header) < header.Length)
            return null;

        if (LogFormat.TryReadRecordHeader(header, out var payloadBytes, out _, out _))
        {
            var end = start + LogFormat.Aligned(LogFormat.RecordHeaderBytes + (long)payloadBytes);
            return end > file.Length ? null : end;
        }

        var content = ContentEnd();
        return content < start + LogFormat.RecordHeaderBytes ? null : LogFormat.Aligned(content);
    }

    /// <summary>Behind the last byte that is not zero.</summary>
    private long ContentEnd()
    {
        var window = new byte[WindowBytes];
        for (var to = file.Length; to > start;)
        {
            var from = Math.Max(start, to - WindowBytes);
            var read = file.Read(from, window.AsSpan(0, (int)(to - from)));
            var last = window.AsSpan(0, read).LastIndexOfAnyExcept((byte)0);
            if (last >= 0)
                return from + last + 1;

            to = from;
        }

        return start;
    }

    /// <summary>A sector boundary to the next, or from the last boundary to the end, all zeros.</summary>
    private bool HasUnwrittenSector(long end)
    {
        var sector = new byte[LogFormat.SectorBytes];
        for (var at = start; at < end;)
        {
            var next = Math.Min((at / LogFormat.SectorBytes + 1) * LogFormat.SectorBytes, end);
            var part = sector.AsSpan(0, (int)(next - at));

            // Records start and end at multiples of the alignment, with fewer zeros as padding than that. So the first
            // part, which begins with a header's magic, and the last one are never written as zeros alone.
            if (file.Read(at, part) == part.Length && part.Length >= LogFormat.Alignment
                && !part.ContainsAnyExcept((byte)0))
            {
                return true;
            }

            at = next;
        }

        return false;
    }

    private bool LaterRecordSaysDurable()
    {
        var window = new byte[WindowBytes + LogFormat.RecordHeaderBytes];
        for (var from = start + LogFormat.Alignment; from < file.Length; from += WindowBytes)
        {
            var read = file.Read(from, window);
            var end = Math.Min(WindowBytes, read - LogFormat.RecordHeaderBytes + 1);
            for (var at = 0; at < end; at += LogFormat.Alignment)
            {
                var header = window.AsSpan(at, LogFormat.RecordHeaderBytes);
                if (LogFormat.TryReadRecordHeader(header, out _, out var durableBytes, out _) && durableBytes > start)
                    return true;
            }
        }

        return false;
    }
}
