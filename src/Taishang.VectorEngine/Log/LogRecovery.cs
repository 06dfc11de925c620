using System.IO.Hashing;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Log;

/// <summary>Where recovery stopped, and what it had to leave out.</summary>
/// <param name="Number">The last log file.</param>
/// <param name="ValidBytes">Its length up to the last sound record.</param>
/// <param name="IsClean">True when nothing lies behind that length, so that writing can go on in the same file.</param>
/// <param name="Notes">Torn tails and headers that were dropped.</param>
internal sealed record LogRecoveryResult(long Number, long ValidBytes, bool IsClean, IReadOnlyList<string> Notes);

/// <summary>
/// Reads the log files after the last seal and hands every acknowledged record on, in order. The end of the last file
/// may be torn: a record that was being written when the process or the machine stopped was never acknowledged, and is
/// dropped. Anything else that does not match its checksum is damage, and recovery refuses to go past it.
/// </summary>
internal sealed class LogRecovery(IStorageDevice device, string folder)
{
    private readonly List<string> _notes = [];

    /// <summary>The file whose records are being handed on.</summary>
    public long Number { get; private set; }

    /// <summary>Replays the files from <paramref name="firstNumber"/> on.</summary>
    /// <exception cref="CorruptDataException">An acknowledged record is damaged or a file is missing.</exception>
    public LogRecoveryResult Replay(
        long firstNumber, Action<ReadOnlyMemory<byte>> apply, CancellationToken cancellation)
    {
        var number = firstNumber;
        if (!device.Exists(LogFiles.Path(folder, number)))
            throw new CorruptDataException(LogFiles.Path(folder, number), 0, "the log file is missing");

        while (true)
        {
            Number = number;
            var limit = NextLogStart(number);
            var (validBytes, isClean) = ReplayFile(number, limit, apply, cancellation);
            if (limit is null)
                return new LogRecoveryResult(number, validBytes, isClean, _notes);

            number++;
        }
    }

    /// <summary>The valid length of this log as its successor states it; null when it is the last.</summary>
    private long? NextLogStart(long number)
    {
        var path = LogFiles.Path(folder, number + 1);
        if (!device.Exists(path))
            return null;

        using var file = device.Open(path, writable: false);
        Span<byte> header = stackalloc byte[LogFormat.FileHeaderBytes];
        var read = file.Read(0, header);
        if (LogFormat.TryReadFileHeader(header[..read], number + 1, out var previousBytes))
            return previousBytes;

        // The header is synced before the first record: a file without one holds nothing that was acknowledged.
        var holdsMore = file.Length > LogFormat.BlockBytes || !IsZeros(file, LogFormat.FileHeaderBytes);
        if (holdsMore || device.Exists(LogFiles.Path(folder, number + 2)))
            throw new CorruptDataException(path, 0, "the log's header does not match its checksum");

        _notes.Add($"{path}: a log file whose header was never finished is ignored");
        return null;
    }

    private (long ValidBytes, bool IsClean) ReplayFile(
        long number, long? limit, Action<ReadOnlyMemory<byte>> apply, CancellationToken cancellation)
    {
        var path = LogFiles.Path(folder, number);
        using var file = device.Open(path, writable: false);
        var header = new byte[LogFormat.FileHeaderBytes];
        var read = file.Read(0, header);
        if (!LogFormat.TryReadFileHeader(header.AsSpan(0, read), number, out _))
            throw new CorruptDataException(path, 0, "the log's header does not match its checksum");

        var end = limit ?? file.Length;
        if (end > file.Length)
            throw new CorruptDataException(path, file.Length, $"the log ends before its acknowledged length {end}");

        long at = LogFormat.FileHeaderBytes;
        while (at < end)
        {
            cancellation.ThrowIfCancellationRequested();
            var payload = TryReadRecord(file, at, end);
            if (payload is null)
            {
                if (limit is null && end <= LogFormat.WholeBlocks(at) && IsZeros(file, at))
                    return (at, true);

                if (limit is not null)
                    throw new CorruptDataException(path, at, "a record does not match its checksum");

                new LogTail(file, path, at).RequireTorn();
                _notes.Add($"{path}: {end - at} bytes of an unfinished write at byte {at} are dropped");
                return (at, false);
            }

            apply(payload);
            at += LogFormat.Aligned(LogFormat.RecordHeaderBytes + (long)payload.Length);
        }

        return (at, at == file.Length);
    }

    /// <summary>Whether nothing but zeros follows, for at most a block.</summary>
    private static bool IsZeros(IStorageFile file, long from)
    {
        Span<byte> rest = stackalloc byte[LogFormat.BlockBytes];
        return !rest[..file.Read(from, rest)].ContainsAnyExcept((byte)0);
    }

    private static byte[]? TryReadRecord(IStorageFile file, long at, long end)
    {
        Span<byte> header = stackalloc byte[LogFormat.RecordHeaderBytes];
        if (at + header.Length > end || file.Read(at, header) != header.Length
            || !LogFormat.TryReadRecordHeader(header, out var payloadBytes, out _, out var hash)
            || at + LogFormat.Aligned(header.Length + (long)payloadBytes) > end)
        {
            return null;
        }

        var padded = new byte[LogFormat.Aligned(header.Length + (long)payloadBytes) - header.Length];
        if (file.Read(at + header.Length, padded) != padded.Length
            || padded.AsSpan(payloadBytes).ContainsAnyExcept((byte)0))
        {
            return null;
        }

        var payload = padded.Length == payloadBytes ? padded : padded[..payloadBytes];
        LogFormat.TurnOver(payload, payload);
        return XxHash3.HashToUInt64(payload) == hash ? payload : null;
    }
}
