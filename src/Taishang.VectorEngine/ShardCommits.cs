using Taishang.VectorEngine.Log;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine;

/// <summary>
/// Which calls over several shards count: a log of their numbers. Numbers rise by one, so one that is missing before a
/// committed one is void. One caller at a time.
/// </summary>
internal sealed class ShardCommits : IDisposable
{
    private const long FirstLog = 1;

    /// <summary>Length of the log at which its beginning is folded into the manifest.</summary>
    private const long LogBytesMax = 4 << 20;

    private readonly IStorageDevice _device;
    private readonly string _folder;
    private readonly HashSet<long> _void;
    private readonly WriteAheadLog _log;
    private ShardManifest _manifest;
    private long _last;
    private long _number;

    private ShardCommits(
        IStorageDevice device, string folder, bool sync, ShardManifest manifest, CancellationToken? replay)
    {
        (_device, _folder, _manifest) = (device, folder, manifest);
        _last = manifest.Last;
        _void = [.. manifest.Void];
        if (replay is not { } cancellation)
        {
            _log = WriteAheadLog.Create(device, folder, sync, FirstLog, 0);
            return;
        }

        var result = new LogRecovery(device, folder).Replay(manifest.FirstLog, Note, cancellation);
        Notes = result.Notes;
        _number = _last;
        _log = result.IsClean
            ? WriteAheadLog.Resume(device, folder, sync, result.Number, result.ValidBytes)
            : WriteAheadLog.ResumeTorn(device, folder, sync, result.Number, result.ValidBytes);
    }

    public IStorageDevice Device => _device;

    public IReadOnlyList<string> Notes { get; } = [];

    public VectorCollectionOptions Options => Volatile.Read(ref _manifest).Options;

    /// <summary>Makes the log, then the manifest, after which the collection exists.</summary>
    public static ShardCommits Create(IStorageDevice device, string folder, bool sync, VectorCollectionOptions options)
    {
        var manifest = new ShardManifest { Options = options, FirstLog = FirstLog };
        var commits = new ShardCommits(device, folder, sync, manifest, null);
        try
        {
            manifest.Save(device, folder);
            return commits;
        }
        catch
        {
            commits.Dispose();
            throw;
        }
    }

    public static ShardCommits Open(
        IStorageDevice device, string folder, bool sync, CancellationToken cancellation) =>
        new(device, folder, sync, ShardManifest.Load(device, folder), cancellation);

    public bool IsWhole(long number) => number <= _last && !_void.Contains(number);

    /// <summary>Numbers up to this one were used.</summary>
    public void Skip(long number) => _number = Math.Max(_number, number);

    /// <summary>The number of a new call.</summary>
    /// <exception cref="IOException">An earlier failure is not put right yet; nothing of the call is anywhere.
    /// </exception>
    public long Begin()
    {
        // A commit that was refused may lie in the log all the same: the next log says that it does not count.
        _log.Ready();
        return ++_number;
    }

    /// <summary>From here on the call counts, after any crash.</summary>
    /// <exception cref="IOException">It does not count, and never will.</exception>
    /// <exception cref="WriteFailedException">It does not count, but the disk did not take that either: it is in doubt
    /// until the next call or start.</exception>
    public void Commit(long number)
    {
        try
        {
            using var record = LogRecord.Part(number, 0);
            _log.Append(record);
            _log.Sync();
        }
        catch (Exception exception)
        {
            _log.Abandon();
            if (_log.IsSettled)
                throw;

            throw CommitQueue.Translate(exception, isInDoubt: true);
        }

        Note(number);
        if (_log.DurableBytes > LogBytesMax)
            TryFold();
    }

    /// <summary>What is committed by now, as the beginning of a log of its own. While no call is written.</summary>
    public ShardManifest Frozen() => _manifest with { FirstLog = FirstLog, Last = _last, Void = [.. _void] };

    /// <summary>Puts a frozen beginning into another folder, with an empty log; returns the names of the files.
    /// </summary>
    public static IEnumerable<string> Write(IStorageDevice device, string folder, ShardManifest frozen)
    {
        WriteAheadLog.Create(device, folder, sync: true, frozen.FirstLog, 0).Dispose();
        frozen.Save(device, folder);
        return [ShardManifest.FileName, Path.GetFileName(LogFiles.Path(folder, frozen.FirstLog))];
    }

    public void Change(VectorCollectionOptions options) => Save(_manifest with { Options = options });

    public void Dispose() => _log.Dispose();

    private void Note(ReadOnlyMemory<byte> payload)
    {
        if (!LogRecord.TryReadPart(payload.Span, out var number, out _))
            throw new CorruptDataException(_folder, 0, "the log of commits holds something else");

        Note(number);
    }

    private void Note(long number)
    {
        for (var missing = _last + 1; missing < number; missing++)
            _void.Add(missing);
        _last = number;
    }

    /// <summary>To fail at it costs room alone, and the next commit tries again.</summary>
    private void TryFold()
    {
        try
        {
            _log.Rotate();
            var before = _manifest.FirstLog;
            Save(_manifest with { FirstLog = _log.Number, Last = _last, Void = [.. _void] });
            for (var number = before; number < _log.Number; number++)
                _device.Delete(LogFiles.Path(_folder, number));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // What was committed stands in the log as before.
        }
    }

    private void Save(ShardManifest manifest)
    {
        manifest.Save(_device, _folder);
        Volatile.Write(ref _manifest, manifest);
    }
}
