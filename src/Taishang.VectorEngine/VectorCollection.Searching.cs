using System.Runtime.ExceptionServices;
using Taishang.VectorEngine.Filtering;
using Taishang.VectorEngine.Indexes;
using Taishang.VectorEngine.Segments;

namespace Taishang.VectorEngine;

/// <summary>Searches and scrolls.</summary>
public sealed partial class VectorCollection
{
    /// <inheritdoc/>
    public bool IsBeingScrolled => _scrolls.IsWaitedFor;

    /// <summary>
    /// The nearest rows; fewer than asked only when fewer exist, match or reach the threshold. Nothing is allocated:
    /// the answer is used again. <paramref name="vector"/> takes the place of the request's own, so that one request
    /// serves many queries; include_* are the reader's own choice.
    /// </summary>
    /// <exception cref="VectorInputException">The request breaks a rule.</exception>
    public void Search(
        ReadOnlySpan<float> vector, SearchRequest request, SearchMatches matches, CancellationToken cancellation)
    {
        ThrowIfDisposed();
        matches.Clear();
        var effort = SearchRules.Check(request, vector, Options);
        var snapshot = _state.Acquire();
        matches.Hold(snapshot.Generation);
        Search(snapshot, MatchingRows.Of(snapshot, request.Filter), vector, request, effort, matches, cancellation);
    }

    /// <summary>
    /// Many queries over one snapshot: the filter is evaluated once, and the queries are shared among threads.
    /// </summary>
    /// <param name="vectors">1 to <see cref="Limits.QueriesPerCallMax"/>; they take the place of the request's.</param>
    /// <param name="request">What all of them ask for.</param>
    /// <param name="threads">How many search at once, the caller's among them.</param>
    /// <param name="answered">Called once for each query, in no order and from those threads, with an answer that is
    /// used again when it returns.</param>
    /// <param name="cancellation">Stops between two queries or inside of a scan.</param>
    /// <exception cref="VectorInputException">The request breaks a rule; its row is the query's number.</exception>
    public void SearchAll(
        IReadOnlyList<ReadOnlyMemory<float>> vectors, SearchRequest request, int threads,
        Action<int, SearchMatches> answered, CancellationToken cancellation)
    {
        ThrowIfDisposed();
        var effort = SearchRules.CheckAll(request, vectors, threads, Options);
        var snapshot = _state.Acquire();
        try
        {
            var matching = MatchingRows.Of(snapshot, request.Filter);
            ForEach(vectors.Count, threads, (query, matches) =>
            {
                Hold(snapshot, matches);
                Search(snapshot, matching, vectors[query].Span, request, effort, matches, cancellation);
                answered(query, matches);
            }, cancellation);
        }
        finally
        {
            snapshot.Generation.Release();
        }
    }

    /// <summary>
    /// The nearest groups of rows that share a value of a metadata field: exactly top-k groups when so many match, in
    /// the order of their nearest rows. Rows that the rule of <see cref="GroupBy"/> gives no group are left out.
    /// </summary>
    /// <exception cref="VectorInputException">The request breaks a rule.</exception>
    public GroupedAnswer SearchGroups(SearchRequest request, GroupBy by, CancellationToken cancellation = default)
    {
        ThrowIfDisposed();
        var effort = SearchRules.Check(request, by, Options);
        var snapshot = _state.Acquire();
        var buffers = _memory.Rent(snapshot.Generation.Rows.PaddedDimensions);
        try
        {
            var matching = MatchingRows.Of(snapshot, request.Filter);
            var column = GroupColumn.Of(snapshot.Generation.Columns, by.Field, snapshot.Rows);
            var executor = new GroupExecutor(snapshot, matching, column, buffers, cancellation);
            var groups = executor.Choose(request, effort, by.Size);
            executor.Fill(groups, by.Size);
            var rows = snapshot.Generation.Rows;
            return new GroupedAnswer([.. GroupWriter.Write(
                groups.Select(group => (
                    column.ValueOf(group.Key), group.Hits.Select(neighbor => new ShardNeighbor(rows, neighbor)))),
                request)]);
        }
        finally
        {
            _memory.Return(buffers);
            snapshot.Generation.Release();
        }
    }

    /// <summary>
    /// All rows, page by page, as they were when the first page was read: writes and compactions between skip nothing
    /// and show nothing twice. The order is that of writing. A row whose time comes meanwhile is left out.
    /// </summary>
    /// <exception cref="ScrollExpiredException">The scroll has to begin anew.</exception>
    /// <exception cref="VectorInputException">The request breaks a rule.</exception>
    public ScrollPage Scroll(ScrollRequest request)
    {
        ThrowIfDisposed();
        SearchRules.CheckScroll(request);
        if (request.Cursor is not null)
            return _scrolls.Continue(request);

        var snapshot = _state.Acquire();
        try
        {
            return _scrolls.Begin([new ScrollPart(snapshot, MatchingRows.Of(snapshot, request.Filter))], request);
        }
        finally
        {
            snapshot.Generation.Release();
        }
    }

    /// <summary>Runs queries on so many threads, each with an answer of its own that it uses again.</summary>
    internal static void ForEach(
        int count, int threads, Action<int, SearchMatches> search, CancellationToken cancellation)
    {
        if (threads == 1 || count == 1)
        {
            using var matches = new SearchMatches();
            for (var query = 0; query < count; query++)
            {
                cancellation.ThrowIfCancellationRequested();
                search(query, matches);
            }

            return;
        }

        try
        {
            var options = new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation };
            Parallel.For(0, count, options, static () => new SearchMatches(), (query, _, matches) =>
            {
                search(query, matches);
                return matches;
            }, static matches => matches.Dispose());
        }
        catch (AggregateException exception)
        {
            // One failure says what is wrong; that others failed beside it says nothing more.
            ExceptionDispatchInfo.Throw(exception.Flatten().InnerExceptions[0]);
        }
    }

    /// <summary>Gives an answer a lease of its own on a snapshot that the caller holds.</summary>
    internal static void Hold(Snapshot snapshot, SearchMatches matches)
    {
        matches.Clear();
        if (snapshot.Generation.TryAcquire())
            matches.Hold(snapshot.Generation);
    }

    private void Search(
        Snapshot snapshot, in MatchingRows matching, ReadOnlySpan<float> vector, SearchRequest request,
        SearchEffort effort,
        SearchMatches matches, CancellationToken cancellation)
    {
        var rows = snapshot.Generation.Rows;
        var buffers = _memory.Rent(rows.PaddedDimensions);
        try
        {
            var found = new SearchExecutor(snapshot, matching, buffers, cancellation).Run(vector, request, effort);
            matches.Add(rows, found, request.ScoreThreshold);
        }
        finally
        {
            _memory.Return(buffers);
        }
    }
}
