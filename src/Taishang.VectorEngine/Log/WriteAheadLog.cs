using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Log;

/// <summary>
/// The log that is being written. Appending and syncing are for one caller at a time. After any failure the file is
/// never trusted again: what a failed sync left behind may or may not be on the disk, and asking again would only be
/// told that all is well. The next write begins a new file, whose header says how far this one is good.
/// </summary>
internal sealed class WriteAheadLog : IDisposable
{
    private readonly IStorageDevice _device;
    private readonly string _folder;
    private readonly bool _sync;
    private IStorageFile _file;
    private long _written;
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
        IStorageDevice device, string folder, bool sync, long number, long previousBytes) =>
        new(device, folder, sync, number, CreateFile(device, folder, number, previousBytes), LogFormat.FileHeaderBytes);

    /// <summary>Goes on with a log that recovery found sound to its end.</summary>
    public static WriteAheadLog Resume(IStorageDevice device, string folder, bool sync, long number, long bytes) =>
        new(device, folder, sync, number, device.Open(LogFiles.Path(folder, number), writable: true), bytes);

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

    /// <summary>Writes a record behind the others; durable only after <see cref="Sync"/>.</summary>
    public void Append(LogBuffer buffer)
    {
        Ready();
        var whole = buffer.Whole;
        var payload = buffer.Payload;
        whole[(LogFormat.RecordHeaderBytes + payload.Length)..].Clear();
        LogFormat.TurnOver(payload);
        try
        {
            LogFormat.WriteRecordHeader(whole, payload, DurableBytes);
            _isOpenEnded = true;
            _file.Write(_written, whole);
            _written += whole.Length;
        }
        catch
        {
            _broken = true;
            throw;
        }
        finally
        {
            LogFormat.TurnOver(payload);
        }
    }

    /// <summary>Returns when every record appended so far is on the disk.</summary>
    public void Sync()
    {
        try
        {
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
    }

    /// <summary>Begins a new file; what was appended to this one and not synced is void.</summary>
    public void Rotate()
    {
        // Should making the new file fail, its header may stand on the disk all the same and say that this file ends
        // here. So nothing may be appended to this one any more, before a new file is really made.
        _broken = true;
        var next = CreateFile(_device, _folder, Number + 1, DurableBytes);
        _file.Dispose();
        _file = next;
        Number++;
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
        if (!_isOpenEnded)
            return;

        var isCut = Try(() =>
        {
            _file.SetLength(DurableBytes);
            _file.Sync();
        });
        _isOpenEnded = !Try(Rotate) && !isCut;
    }

    /// <summary>Closes the file; what was refused and is not settled gets one more try.</summary>
    public void Dispose()
    {
        if (_isOpenEnded)
            Abandon();
        _file.Dispose();
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

    private static IStorageFile CreateFile(IStorageDevice device, string folder, long number, long previousBytes)
    {
        var file = device.Create(LogFiles.Path(folder, number));
        try
        {
            Span<byte> header = stackalloc byte[LogFormat.FileHeaderBytes];
            LogFormat.WriteFileHeader(header, number, previousBytes);
            file.Write(0, header);
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
