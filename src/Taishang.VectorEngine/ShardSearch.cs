using Taishang.VectorEngine.Indexes;
using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Segments;

namespace Taishang.VectorEngine;

/// <summary>
/// What one search over shards needs, kept for the next one. The shards' lists stay in the buffers in which they were
/// found until they are merged.
/// </summary>
internal sealed class ShardSearch : IDisposable
{
    private readonly VectorCollection[] _shards;
    private readonly ShardMerge _merge;
    private readonly SharedWork _work;
    private readonly Snapshot?[] _snapshots;
    private readonly SearchBuffers?[] _buffers;
    private readonly ShardList[] _lists;
    private readonly float[] _query;
    private SearchRequest? _request;
    private SearchEffort _effort;
    private CancellationToken _cancellation;

    public ShardSearch(VectorCollection[] shards, SearchThreads threads, int dimensions)
    {
        _shards = shards;
        _merge = new ShardMerge(shards.Length);
        _work = new SharedWork(threads, shards.Length, Find);
        _snapshots = new Snapshot?[shards.Length];
        _buffers = new SearchBuffers?[shards.Length];
        _lists = new ShardList[shards.Length];
        _query = new float[dimensions];
    }

    /// <summary>Searches the shards side by side, each as it is now.</summary>
    public void Run(
        ShardView view, ReadOnlySpan<float> vector, SearchRequest request, SearchEffort effort, SearchMatches matches,
        CancellationToken cancellation)
    {
        view.Acquire(_snapshots);
        try
        {
            foreach (var snapshot in _snapshots)
                matches.Hold(Held(snapshot).Generation);
            vector.CopyTo(_query);
            (_request, _effort, _cancellation) = (request, effort, cancellation);
            _work.Run();
            _merge.Into(matches, _lists, request);
        }
        finally
        {
            Forget();
        }
    }

    /// <summary>Searches snapshots that the caller holds, one behind the other.</summary>
    public void RunAlone(
        Snapshot[] snapshots, MatchingRows[] matching, ReadOnlySpan<float> vector, SearchRequest request,
        SearchEffort effort, SearchMatches matches, CancellationToken cancellation)
    {
        try
        {
            for (var shard = 0; shard < snapshots.Length; shard++)
            {
                if (snapshots[shard].Generation.TryAcquire())
                    matches.Hold(snapshots[shard].Generation);
                Find(shard, snapshots[shard], matching[shard], vector, request, effort, cancellation);
            }

            _merge.Into(matches, _lists, request);
        }
        finally
        {
            Forget();
        }
    }

    /// <summary>Nothing of it is unmanaged: its buffers are those of the shards, and were given back.</summary>
    public void Dispose()
    {
    }

    private void Find(int shard)
    {
        var snapshot = Held(_snapshots[shard]);
        var request = _request ?? throw new InvalidOperationException("a piece outside of a run");
        var matching = MatchingRows.Of(snapshot, request.Filter);
        Find(shard, snapshot, matching, _query, request, _effort, _cancellation);
    }

    private void Find(
        int shard, Snapshot snapshot, in MatchingRows matching, ReadOnlySpan<float> vector, SearchRequest request,
        SearchEffort effort, CancellationToken cancellation)
    {
        var rows = snapshot.Generation.Rows;
        var buffers = _buffers[shard] = _shards[shard].Buffers.Rent(rows.PaddedDimensions);
        var list = new SearchExecutor(snapshot, matching, buffers, cancellation).List(vector, request, effort);
        _lists[shard] = new ShardList(rows, buffers.Found, list.Length);
    }

    /// <summary>Gives the buffers back and keeps nothing alive.</summary>
    private void Forget()
    {
        for (var shard = 0; shard < _shards.Length; shard++)
        {
            if (_buffers[shard] is { } buffers)
                _shards[shard].Buffers.Return(buffers);
        }

        Array.Clear(_buffers);
        Array.Clear(_lists);
        Array.Clear(_snapshots);
        _request = null;
        _cancellation = CancellationToken.None;
    }

    private static Snapshot Held(Snapshot? snapshot) =>
        snapshot ?? throw new InvalidOperationException("a shard without a snapshot");
}
