using Taishang.VectorEngine.Filtering;
using Taishang.VectorEngine.Indexes;
using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Segments;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine;

/// <summary>Searches and scrolls over all shards.</summary>
public sealed partial class ShardedCollection
{
    /// <inheritdoc/>
    public bool IsBeingScrolled => _scrolls.IsWaitedFor;

    /// <summary>Searches that wait for the next call.</summary>
    private readonly KeptObjects<ShardSearch> _searches = new(SearchMemoryPool.KeptMax);

    /// <inheritdoc/>
    public void Search(
        ReadOnlySpan<float> vector, SearchRequest request, SearchMatches matches, CancellationToken cancellation)
    {
        ThrowIfDisposed();
        matches.Clear();
        var effort = SearchRules.Check(request, vector, Options);
        var search = RentSearch();
        try
        {
            search.Run(_view, vector, request, effort, matches, cancellation);
        }
        finally
        {
            _searches.Return(search);
        }
    }

    /// <summary>Queries are shared among the threads; each is answered by one thread, shard by shard.</summary>
    public void SearchAll(
        IReadOnlyList<ReadOnlyMemory<float>> vectors, SearchRequest request, int threads,
        Action<int, SearchMatches> answered, CancellationToken cancellation)
    {
        ThrowIfDisposed();
        var effort = SearchRules.CheckAll(request, vectors, threads, Options);
        if (vectors.Count == 1)
        {
            using var only = new SearchMatches();
            Search(vectors[0].Span, request, only, cancellation);
            answered(0, only);
            return;
        }

        var snapshots = _view.Acquire();
        try
        {
            var matching = Array.ConvertAll(snapshots, snapshot => MatchingRows.Of(snapshot, request.Filter));
            VectorCollection.ForEach(vectors.Count, threads, (query, matches) =>
            {
                matches.Clear();
                var search = RentSearch();
                try
                {
                    search.RunAlone(
                        snapshots, matching, vectors[query].Span, request, effort, matches, cancellation);
                }
                finally
                {
                    _searches.Return(search);
                }

                answered(query, matches);
            }, cancellation);
        }
        finally
        {
            ShardView.Release(snapshots);
        }
    }

    /// <inheritdoc/>
    public GroupedAnswer SearchGroups(SearchRequest request, GroupBy by, CancellationToken cancellation = default)
    {
        ThrowIfDisposed();
        var effort = SearchRules.Check(request, by, Options);
        var snapshots = _view.Acquire();
        var searches = new ShardGroups?[_shards.Length];
        try
        {
            _engine.SearchThreads.Run(searches.Length, shard =>
            {
                var search = new ShardGroups(_shards[shard], snapshots[shard], request, by, cancellation);
                searches[shard] = search;
                search.Choose(request, effort, by.Size);
            });
            ShardGroups[] all = [.. searches.OfType<ShardGroups>()];
            var chosen = Choose(all, request.TopK);
            _engine.SearchThreads.Run(all.Length, shard => all[shard].Fill(chosen, by.Size));
            return new GroupedAnswer([.. GroupWriter.Write(
                chosen.Select(value => (value, all.SelectMany(search => search.Hits(value)).Order().Take(by.Size))),
                request)]);
        }
        finally
        {
            foreach (var search in searches)
                search?.Dispose();
            ShardView.Release(snapshots);
        }
    }

    /// <summary>As of one collection; the shards come one behind the other.</summary>
    public ScrollPage Scroll(ScrollRequest request)
    {
        ThrowIfDisposed();
        SearchRules.CheckScroll(request);
        if (request.Cursor is not null)
            return _scrolls.Continue(request);

        var snapshots = _view.Acquire();
        try
        {
            return _scrolls.Begin(
                Array.ConvertAll(
                    snapshots, snapshot => new ScrollPart(snapshot, MatchingRows.Of(snapshot, request.Filter))),
                request);
        }
        finally
        {
            ShardView.Release(snapshots);
        }
    }

    /// <summary>The groups whose nearest rows are nearest. One that is among the first of all is among the first of the
    /// shard that its nearest row lies in, so nothing is missed.</summary>
    private static List<GroupValue> Choose(ShardGroups[] searches, int count)
    {
        var nearest = new Dictionary<GroupValue, ShardNeighbor>();
        foreach (var (value, found) in searches.SelectMany(search => search.Chosen()))
        {
            if (!nearest.TryGetValue(value, out var before) || found.CompareTo(before) < 0)
                nearest[value] = found;
        }

        return [.. nearest.OrderBy(group => group.Value).Take(count).Select(group => group.Key)];
    }

    private ShardSearch RentSearch() =>
        _searches.TryTake() ?? new ShardSearch(_shards, _engine.SearchThreads, Options.Dimensions);
}
