using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Log;

/// <summary>
/// The log that is being written. Appending and syncing are for one caller at a time. After any failure the file is
/// never trusted again: what a failed sync left behind may or may not be on the disk, and asking again would only be
/// told that all is well. The next write begins a new file, whose header says how far this one is good.
/// <para>
/// What is appended gathers in a page-aligned window and reaches the file in whole blocks when the window is full or a
/// sync is asked for, so that the disk can be written to directly and many small records take one call.
/// </para>
/// </summary>
internal sealed class WriteAheadLog : IDisposable
{
    private readonly IStorageDevice _device;
    private readonly string _folder;
    private readonly bool _sync;

    /// <summary>The begun block behind which the next record is written, from its start to the log's end.</summary>
    private readonly byte[] _tail = new byte[LogFormat.BlockBytes];

    private IStorageFile _file;

    /// <summary>Length of the log with all that was appended.</summary>
    private long _written;

    /// <summary>What lies between <see cref="_windowAt"/> and <see cref="_written"/>; rented from a commit's first
    /// record to its sync.</summary>
    private PageBuffer? _window;

    private long _windowAt;
    private bool _broken;

    /// <summary>That the disk may hold records behind <see cref="DurableBytes"/>.</summary>
    private bool _isOpenEnded;

    private WriteAheadLog(IStorageDevice device, string folder, bool sync, long number, IStorageFile file, long bytes)
    {
        _device = device;
        _folder = folder;
        _sync = sync;
        _file = file;
        Number = number;
        DurableBytes = _written = bytes;
    }

    public long Number { get; private set; }

    /// <summary>Length up to which every record was acknowledged.</summary>
    public long DurableBytes { get; private set; }

    /// <summary>Whether the next start finds nothing but what was acknowledged, whatever the disk kept of the rest.
    /// </summary>
    public bool IsSettled => !_isOpenEnded;

    /// <summary>Makes an empty log file.</summary>
    public static WriteAheadLog Create(
        IStorageDevice device, string folder, bool sync, long number, long previousBytes)
    {
        var file = CreateFile(device, folder, sync, number, previousBytes);
        var log = new WriteAheadLog(device, folder, sync, number, file, LogFormat.FileHeaderBytes);
        LogFormat.WriteFileHeader(log._tail, number, previousBytes);
        return log;
    }

    /// <summary>Goes on with a log that recovery found sound to its end.</summary>
    public static WriteAheadLog Resume(IStorageDevice device, string folder, bool sync, long number, long bytes)
    {
        var path = LogFiles.Path(folder, number);
        var tail = new byte[bytes - LogFormat.BlockOf(bytes)];
        using (var written = device.Open(path, writable: false))
        {
            if (written.Read(LogFormat.BlockOf(bytes), tail) != tail.Length)
                throw new CorruptDataException(path, bytes, "the log became shorter after it was read");
        }

        var file = sync ? device.OpenLog(path) : device.Open(path, writable: true);
        var log = new WriteAheadLog(device, folder, sync, number, file, bytes);
        tail.CopyTo(log._tail, 0);
        return log;
    }

    /// <summary>
    /// Goes on behind a log whose end is torn. Nothing is written before the first record asks for a new file: a start
    /// must succeed on a disk that is full.
    /// </summary>
    public static WriteAheadLog ResumeTorn(
        IStorageDevice device, string folder, bool sync, long number, long validBytes) =>
        new(device, folder, sync, number, device.Open(LogFiles.Path(folder, number), writable: false), validBytes)
        {
            _broken = true,
        };

    /// <summary>Begins a new file where this one is not to be written to any more. When it fails, nothing of what was
    /// to be written is anywhere.</summary>
    public void Ready()
    {
        if (_broken)
            Rotate();
    }

    /// <summary>Puts a record behind the others; durable only after <see cref="Sync"/>.</summary>
    public void Append(LogBuffer buffer)
    {
        Ready();
        Span<byte> header = stackalloc byte[LogFormat.RecordHeaderBytes];
        var payload = buffer.Payload;
        LogFormat.WriteRecordHeader(header, payload.Length, buffer.Hash, DurableBytes);
        try
        {
            Put(header, isPayload: false);
            Put(payload, isPayload: true);
            Put(stackalloc byte[buffer.TotalBytes - header.Length - payload.Length], isPayload: false);
        }
        catch
        {
            _broken = true;
            throw;
        }
    }

    /// <summary>Returns when every record appended so far is on the disk.</summary>
    public void Sync()
    {
        try
        {
            if (_window is not null)
                WriteOut(_window);
            if (_sync)
                _file.Sync();
            DurableBytes = _written;
            _isOpenEnded = false;
        }
        catch
        {
            _broken = true;
            throw;
        }
        finally
        {
            LeaveWindow();
        }
    }

    /// <summary>Begins a new file; what was appended to this one and not synced is void.</summary>
    public void Rotate()
    {
        // Should making the new file fail, its header may stand on the disk all the same and say that this file ends
        // here. So nothing may be appended to this one any more, before a new file is really made.
        _broken = true;
        var next = CreateFile(_device, _folder, _sync, Number + 1, DurableBytes);
        LeaveWindow();
        _file.Dispose();
        _file = next;
        Number++;
        LogFormat.WriteFileHeader(_tail, Number, DurableBytes);
        DurableBytes = _written = LogFormat.FileHeaderBytes;
        _broken = _isOpenEnded = false;
    }

    /// <summary>
    /// Gives up what was appended since the last sync, because one of the group failed. A refused write must not be
    /// found again by the next start, and there are two ways to make sure of it, each enough by itself: the file is cut
    /// off and the cut synced, or a new file states how far this one is good. Where the disk refuses both, the log is
    /// not settled (<see cref="IsSettled"/>), and the next write tries again before anything else.
    /// </summary>
    public void Abandon()
    {
        _broken = true;
        LeaveWindow();
        if (!_isOpenEnded)
            return;

        var isCut = Try(() =>
        {
            _file.SetLength(DurableBytes);
            _file.Sync();
        });
        _isOpenEnded = !Try(Rotate) && !isCut;
    }

    /// <summary>Closes the file, cut off where its last record ends; what was refused and is not settled gets one more
    /// try.</summary>
    public void Dispose()
    {
        if (_isOpenEnded)
            Abandon();
        LeaveWindow();
        if (!_broken)
            Try(() => _file.SetLength(DurableBytes));
        _file.Dispose();
    }

    private void Put(ReadOnlySpan<byte> bytes, bool isPayload)
    {
        while (bytes.Length > 0)
        {
            var window = _window ??= BeginWindow();
            var room = window.Bytes[(int)(_written - _windowAt)..];
            var part = bytes[..Math.Min(bytes.Length, room.Length)];
            if (isPayload)
                LogFormat.TurnOver(part, room);
            else
                part.CopyTo(room);
            _written += part.Length;
            bytes = bytes[part.Length..];
            if (part.Length == room.Length)
                WriteOut(window);
        }
    }

    private PageBuffer BeginWindow()
    {
        var window = PageBuffer.Rent();
        _windowAt = LogFormat.BlockOf(_written);
        _tail.AsSpan(0, (int)(_written - _windowAt)).CopyTo(window.Bytes);
        return window;
    }

    /// <summary>Writes the window's blocks. The last one, begun only, is filled up with zeros and kept, to be written
    /// again with what follows: its first bytes do not change, as if they were written once.</summary>
    private void WriteOut(PageBuffer window)
    {
        var used = (int)(_written - _windowAt);
        var blocks = (int)LogFormat.WholeBlocks(used);
        window.Bytes[used..blocks].Clear();
        _isOpenEnded = true;
        _file.Write(_windowAt, window.Bytes[..blocks]);
        var tail = window.Bytes[(int)LogFormat.BlockOf(used)..used];
        tail.CopyTo(_tail);
        tail.CopyTo(window.Bytes);
        _windowAt = LogFormat.BlockOf(_written);
    }

    private void LeaveWindow()
    {
        _window?.Dispose();
        _window = null;
    }

    private static bool Try(Action action)
    {
        try
        {
            action();
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The disk that refused the write refuses this too.
            return false;
        }
    }

    private static IStorageFile CreateFile(
        IStorageDevice device, string folder, bool sync, long number, long previousBytes)
    {
        var path = LogFiles.Path(folder, number);
        var file = sync ? device.CreateLog(path) : device.Create(path);
        try
        {
            using var window = PageBuffer.Rent();
            var block = window.Bytes[..LogFormat.BlockBytes];
            block.Clear();
            LogFormat.WriteFileHeader(block, number, previousBytes);
            file.Write(0, block);
            file.Sync();
            device.SyncFolder(folder);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }
}
