using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes.Hnsw;

/// <summary>
/// Brings rows under a graph with several threads. Rows are taken in small blocks from one counter; the graph's
/// <see cref="HnswGraph.Covered"/> follows the last block before which all are done. A cancelled run finishes the
/// blocks that were begun, so that the covered rows always end where the added ones do.
/// </summary>
internal sealed class HnswCover(HnswGraph graph, RowScorer scorer, int threads)
{
    private const int BlockRows = 32;

    private readonly Lock _lock = new();
    private readonly HashSet<int> _done = [];
    private int _next;

    /// <summary>Adds the rows that the graph lacks, up to <paramref name="rows"/>.</summary>
    /// <param name="rows">Rows published by the table.</param>
    /// <param name="progress">Told the rows covered, from any thread.</param>
    /// <param name="cancellation">Stops between blocks.</param>
    public async Task RunAsync(int rows, Action<int>? progress, CancellationToken cancellation)
    {
        if (graph.Covered >= rows)
            return;

        graph.EnsureNodes(rows);
        if (graph.Covered == 0)
        {
            // The first node has nothing to race with.
            using (var builder = NewBuilder(rows))
                builder.Add(0);
            graph.Covered = 1;
        }

        _next = graph.Covered;
        var most = Math.Max(1, Math.Min(threads, (rows - _next) / BlockRows));
        var workers = new Task[most];
        for (var i = 0; i < most; i++)
            workers[i] = BackgroundThreads.Start(Work(rows, progress, cancellation));

        await Task.WhenAll(workers);
        cancellation.ThrowIfCancellationRequested();
    }

    private IHnswBuilder NewBuilder(int rows) => (graph.Grid, graph.Lift) switch
    {
        (null, null) => new HnswBuilder<FloatSpace, FloatSpace>(graph, scorer, rows),
        (null, _) => new HnswBuilder<LiftedSpace<FloatSpace>, FloatSpace>(graph, scorer, rows),
        (_, null) => new HnswBuilder<CodeSpace, CodeSpace>(graph, scorer, rows),
        _ => new HnswBuilder<LiftedSpace<CodeSpace>, CodeSpace>(graph, scorer, rows),
    };

    private IEnumerable<Pause> Work(int rows, Action<int>? progress, CancellationToken cancellation)
    {
        using var builder = NewBuilder(rows);
        while (!cancellation.IsCancellationRequested)
        {
            var start = Interlocked.Add(ref _next, BlockRows) - BlockRows;
            if (start >= rows)
                yield break;

            var end = Math.Min(start + BlockRows, rows);
            for (var row = start; row < end; row++)
                builder.Add(row);

            Finish(start, rows);
            progress?.Invoke(graph.Covered);
            yield return default;
        }
    }

    private void Finish(int start, int rows)
    {
        lock (_lock)
        {
            _done.Add(start);
            var covered = graph.Covered;
            while (_done.Remove(covered))
                covered = Math.Min(covered + BlockRows, rows);
            graph.Covered = covered;
        }
    }
}
