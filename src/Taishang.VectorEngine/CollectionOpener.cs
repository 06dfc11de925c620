using Taishang.VectorEngine.Indexes;
using Taishang.VectorEngine.Log;
using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Segments;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine;

/// <summary>What opening a collection brings: its files, its rows in memory, and the log to go on with.</summary>
internal sealed record OpenedCollection(
    CollectionFiles Files,
    CollectionState State,
    WriteAheadLog Log,
    SpareFile Spare,
    int SavedGraphRows,
    IReadOnlyList<string> Notes);

/// <summary>Makes a collection's folder, and brings back from one what was acknowledged before.</summary>
internal sealed class CollectionOpener(
    IStorageDevice device, string folder, VectorEngineOptions engine, ShardParts? parts = null)
{
    private const long FirstLog = 1;

    private readonly List<string> _notes = [];
    private readonly SpareFile _spare = new(device, folder, engine.SyncBeforeAcknowledge);

    /// <summary>An empty collection in a folder that has none. The manifest comes last: before it nothing counts.
    /// </summary>
    public OpenedCollection Create(VectorCollectionOptions options)
    {
        RowRules.CheckOptions(options);
        if (options.Shards != 1)
        {
            throw new VectorInputException(
                VectorInputError.BadParameter, $"shards: one collection is one shard, got {options.Shards}");
        }

        if (device.Exists(Path.Combine(folder, Manifest.FileName)))
            throw new InvalidOperationException($"{folder} holds a collection already");

        try
        {
            var log = WriteAheadLog.Create(device, folder, engine.SyncBeforeAcknowledge, FirstLog, 0);
            try
            {
                var manifest = new Manifest { Options = options, Segments = [], FirstLog = FirstLog, NextFile = 1 };
                manifest.Save(device, folder);
                var state = new CollectionState(new Generation(options.Dimensions, options.Metric), engine.Time);
                var files = new CollectionFiles(device, folder, manifest);
                return new OpenedCollection(files, state, log, _spare, 0, _notes);
            }
            catch
            {
                log.Dispose();
                throw;
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new WriteFailedException($"the collection could not be made in {folder}", exception);
        }
    }

    public OpenedCollection Open(CancellationToken cancellation)
    {
        var manifest = Manifest.Load(device, folder);
        using var room = engine.Memory.Reserve(
            MemoryNeeds.ToOpen(device, folder, manifest), $"opening the collection in {folder}");
        var files = new CollectionFiles(device, folder, manifest);
        var generation = new Generation(manifest.Options.Dimensions, manifest.Options.Metric);
        try
        {
            files.RemoveStrays();
            LoadSegments(manifest, generation, cancellation);
            var dead = manifest.Tombstones is null
                ? null
                : TombstoneFile.Load(device, files.PathOf(manifest.Tombstones), generation.Rows.Count);
            var sealedRows = generation.Rows.Count;
            var state = new CollectionState(generation, engine.Time);
            state.Adopt(dead);
            LoadGraph(manifest, files, generation, sealedRows);
            var savedGraphRows = generation.Index?.Covered ?? 0;
            var log = Replay(manifest, state, cancellation);
            return new OpenedCollection(files, state, log, _spare, savedGraphRows, _notes);
        }
        catch
        {
            generation.Release();
            throw;
        }
    }

    private void LoadSegments(Manifest manifest, Generation generation, CancellationToken cancellation)
    {
        foreach (var segment in manifest.Segments)
        {
            var path = Path.Combine(folder, segment.File);
            if (!device.Exists(path))
                throw new CorruptDataException(path, 0, "the segment file is missing");

            SegmentFile.Load(device, path, generation.Rows, segment.Rows, cancellation);
        }
    }

    /// <summary>A graph that cannot be read is no loss: an empty one takes its place and is filled again.</summary>
    private void LoadGraph(Manifest manifest, CollectionFiles files, Generation generation, int sealedRows)
    {
        if (manifest.Graph is null || new IndexChoice(manifest.Options, engine).Structure is not { } kind)
            return;

        try
        {
            var file = new IndexFile(device, files.PathOf(manifest.Graph));
            generation.Index = RowIndexes.Load(file, kind, manifest.Options, generation.Scorer, sealedRows);
        }
        catch (Exception exception) when (exception is CorruptDataException or IOException)
        {
            generation.Index = RowIndexes.Begin(kind, manifest.Options, generation.Scorer, sealedRows);
            _notes.Add($"{manifest.Graph}: the index is rebuilt from the vectors: {exception.Message}");
        }
    }

    private WriteAheadLog Replay(Manifest manifest, CollectionState state, CancellationToken cancellation)
    {
        var recovery = new LogRecovery(device, folder);
        var replay = new PartReplay(parts, folder);
        var result = recovery.Replay(
            manifest.FirstLog,
            payload =>
            {
                if (replay.Counts(payload.Span, recovery.Number))
                    state.Apply(payload, sweep: false);
            },
            cancellation);
        _notes.AddRange(result.Notes);
        return result.IsClean && !replay.IsCutOff
            ? WriteAheadLog.Resume(device, folder, engine.SyncBeforeAcknowledge, result.Number, result.ValidBytes)
            : WriteAheadLog.ResumeTorn(device, folder, engine.SyncBeforeAcknowledge, result.Number, result.ValidBytes);
    }
}
