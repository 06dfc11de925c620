using Taishang.VectorEngine.Filtering;
using Taishang.VectorEngine.Indexes.Hnsw;
using Taishang.VectorEngine.Storage;
using Taishang.VectorEngine.Distances;

namespace Taishang.VectorEngine.Segments;

/// <summary>
/// Rows, their ids and what was derived from them, from one compaction to the next. Its memory is unmanaged, so who
/// uses it holds a lease: a compaction replaces the generation while searches still run on the old one, and the last
/// to let go gives the memory back.
/// </summary>
internal sealed class Generation
{
    private int _leases = 1;
    private HnswGraph? _graph;

    public Generation(int dimensions, DistanceMetric metric)
    {
        Rows = new RowTable(dimensions, metric);
        Scorer = new RowScorer(Rows, DistanceScorer.For(metric));
        Columns = new ColumnCache(Rows);
        Ids = new IdTable(Rows);
    }

    public RowTable Rows { get; }

    public RowScorer Scorer { get; }

    public ColumnCache Columns { get; }

    /// <summary>The living row of each id; guarded by the lock of the collection's state.</summary>
    public IdTable Ids { get; }

    public HnswGraph? Graph
    {
        get => Volatile.Read(ref _graph);
        set => Volatile.Write(ref _graph, value);
    }

    /// <summary>Bytes that only memory holds.</summary>
    public long MemoryBytes => Rows.MemoryBytes + Ids.Bytes + (Graph?.MemoryBytes ?? 0);

    /// <summary>False when the generation is already given back.</summary>
    public bool TryAcquire()
    {
        var leases = Volatile.Read(ref _leases);
        while (leases > 0)
        {
            var seen = Interlocked.CompareExchange(ref _leases, leases + 1, leases);
            if (seen == leases)
                return true;

            leases = seen;
        }

        return false;
    }

    public void Release()
    {
        if (Interlocked.Decrement(ref _leases) > 0)
            return;

        Ids.Dispose();
        Rows.Dispose();
        Graph?.Dispose();
    }
}

/// <summary>What a search sees: rows below a count that were alive at a commit. Taken once, it never changes.</summary>
internal sealed record Snapshot(Generation Generation, int Rows, long Commit, int Live);
