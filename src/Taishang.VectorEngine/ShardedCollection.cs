using System.IO.Hashing;
using System.Text;
using Taishang.VectorEngine.Filtering;
using Taishang.VectorEngine.Log;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine;

/// <summary>
/// A collection whose rows are split by the hash of their ids into shards, each a <see cref="VectorCollection"/> in a
/// folder below this one's. A call that writes to several shards counts in all of them or in none, after a crash too;
/// docs/decisions/0590-shards.md says how, and what it costs.
/// </summary>
public sealed partial class ShardedCollection : IVectorCollection
{
    private readonly FolderLock _folderLock;
    private readonly VectorCollection[] _shards;
    private readonly ShardCommits _commits;
    private readonly ShardView _view;
    private readonly ShardWrites _writes;
    private readonly ScrollTable _scrolls;
    private readonly VectorEngineOptions _engine;
    private int _disposed;

    private ShardedCollection(
        FolderLock folderLock, VectorCollection[] shards, ShardCommits commits, VectorEngineOptions engine)
    {
        (_folderLock, _shards, _commits, _engine) = (folderLock, shards, commits, engine);
        _view = new ShardView(shards);
        _writes = new ShardWrites(shards, commits, _view);
        _scrolls = new ScrollTable(engine.Time, engine.ScrollIdle, engine.ScrollsMax);
    }

    /// <inheritdoc/>
    public long MemoryBytes => _shards.Sum(shard => shard.MemoryBytes);

    private VectorCollectionOptions Options => _commits.Options;

    /// <inheritdoc/>
    public Task<int> UpsertAsync(IReadOnlyList<VectorRow> rows, CancellationToken cancellation)
    {
        ThrowIfDisposed();
        var options = Options;
        var chosen = RowRules.CheckRows(rows, options);
        if (chosen.Count == 0)
            return Task.FromResult(0);

        var expiries = RowRules.Expiries(rows, options, _engine.Time);
        var parts = Split(chosen, row => rows[row].Id);
        var records = Array.ConvertAll(
            parts, part => part.Count == 0 ? null : LogRecord.Upsert(rows, expiries, part));
        return OnlyShardOf(records) is { } shard
            ? _shards[shard].UpsertAsync(records[shard]!, cancellation)
            : _writes.WriteAsync(new ShardWrite { Records = records }, cancellation);
    }

    /// <inheritdoc/>
    public Task<int> DeleteAsync(IReadOnlyList<VectorId> ids, CancellationToken cancellation)
    {
        ThrowIfDisposed();
        var distinct = RowRules.CheckIds(ids);
        if (distinct.Count == 0)
            return Task.FromResult(0);

        var parts = Split(distinct, id => id);
        var records = Array.ConvertAll(parts, part => part.Count == 0 ? null : LogRecord.Delete(part));
        return OnlyShardOf(records) is { } shard
            ? _shards[shard].DeleteAsync(records[shard]!, cancellation)
            : _writes.WriteAsync(new ShardWrite { Records = records, IsDelete = true }, cancellation);
    }

    /// <inheritdoc/>
    public Task<int> DeleteAsync(MetadataFilter filter, CancellationToken cancellation)
    {
        ThrowIfDisposed();
        return _writes.WriteAsync(new ShardWrite { Filter = filter, IsDelete = true }, cancellation);
    }

    /// <inheritdoc/>
    public IReadOnlyList<VectorRow> Get(IReadOnlyList<VectorId> ids)
    {
        ThrowIfDisposed();
        RowRules.CheckIdCount(ids.Count);
        var parts = Split(ids.Where(id => id.Text is not null), id => id);
        var found = _view.Read(() => parts.SelectMany((part, shard) => _shards[shard].Get(part)).ToList());
        var byId = new Dictionary<VectorId, VectorRow>(found.Count);
        foreach (var row in found)
            byId[row.Id] = row;
        return [.. ids.Where(id => id.Text is not null && byId.ContainsKey(id)).Select(id => byId[id])];
    }

    /// <inheritdoc/>
    public long Count(MetadataFilter? filter = null)
    {
        ThrowIfDisposed();
        var snapshots = _view.Acquire();
        try
        {
            return snapshots.Sum(snapshot => (long)MatchingRows.Of(snapshot, filter).Count);
        }
        finally
        {
            ShardView.Release(snapshots);
        }
    }

    /// <summary>Shard by shard, so that the memory that a rebuild needs is that of one.</summary>
    public Task BuildIndexAsync(IProgress<double>? progress, CancellationToken cancellation) =>
        ForEachShardAsync((shard, share) => shard.BuildIndexAsync(share, cancellation), progress);

    /// <summary>Shard by shard, as <see cref="BuildIndexAsync"/>.</summary>
    public Task CompactAsync(IProgress<double>? progress, CancellationToken cancellation) =>
        ForEachShardAsync((shard, share) => shard.CompactAsync(share, cancellation), progress);

    /// <summary>Shard by shard, as <see cref="BuildIndexAsync"/>.</summary>
    public Task RebuildAsync(IProgress<double>? progress, CancellationToken cancellation) =>
        ForEachShardAsync((shard, share) => shard.RebuildAsync(share, cancellation), progress);

    /// <inheritdoc/>
    public async Task ReconfigureAsync(
        int? efSearch, int? probes, TimeSpan? timeToLive, CancellationToken cancellation)
    {
        ThrowIfDisposed();
        if (efSearch is { } ef)
            RowRules.CheckRange("ef_search", ef, 1, Limits.EfSearchMax);
        if (probes is { } lists)
            RowRules.CheckRange("nprobe", lists, 1, Limits.ListsMax);
        RowRules.CheckTimeToLive(timeToLive);
        try
        {
            await _writes.RunAloneAsync(
                () => _commits.Change(Options with
                {
                    TimeToLive = timeToLive,
                    Hnsw = Options.Hnsw with { EfSearch = efSearch ?? Options.Hnsw.EfSearch },
                    Ivf = Options.Ivf with { Probes = probes ?? Options.Ivf.Probes },
                }),
                cancellation);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new WriteFailedException($"the new options could not be written: {exception.Message}", exception);
        }
    }

    /// <inheritdoc/>
    public CollectionDescription Describe()
    {
        ThrowIfDisposed();
        return ShardDescription.Merge(Options, Array.ConvertAll(_shards, shard => shard.Describe()), _commits.Notes);
    }

    /// <summary>Finishes the writes that wait, stops builds, closes the files and gives the memory back.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;

        _scrolls.Dispose();
        await _writes.RunAloneAsync(() => { }, CancellationToken.None);
        foreach (var shard in _shards)
            await shard.DisposeAsync();
        _commits.Dispose();
        _folderLock.Dispose();
    }

    private static int? OnlyShardOf(LogBuffer?[] records)
    {
        var only = Array.FindIndex(records, record => record is not null);
        return Array.FindLastIndex(records, record => record is not null) == only ? only : null;
    }

    private List<T>[] Split<T>(IEnumerable<T> items, Func<T, VectorId> idOf)
    {
        var parts = Array.ConvertAll(_shards, _ => new List<T>());
        foreach (var item in items)
            parts[ShardOf(idOf(item).Text)].Add(item);
        return parts;
    }

    /// <summary>The hash's upper bits choose: part of the format, for rows are found by it again.</summary>
    private int ShardOf(string id)
    {
        Span<byte> utf8 = stackalloc byte[RowRecord.IdBytesMax];
        var bytes = id.Length <= Limits.IdCharactersMax ? Encoding.UTF8.GetBytes(id, utf8) : 0;
        return (int)Math.BigMul(XxHash3.HashToUInt64(utf8[..bytes]), (ulong)_shards.Length, out _);
    }

    private async Task ForEachShardAsync(
        Func<VectorCollection, IProgress<double>?, Task> work, IProgress<double>? progress)
    {
        ThrowIfDisposed();
        for (var i = 0; i < _shards.Length; i++)
        {
            var share = progress is null ? null : new ShareOf(progress, i, _shards.Length);
            await work(_shards[i], share);
        }
    }

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_disposed != 0, this);

    /// <summary>The progress of one shard as that of all.</summary>
    private sealed class ShareOf(IProgress<double> progress, int done, int count) : IProgress<double>
    {
        public void Report(double value) => progress.Report((done + value) / count);
    }
}
