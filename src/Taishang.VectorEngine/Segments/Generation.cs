using Taishang.VectorEngine.Filtering;
using Taishang.VectorEngine.Indexes;
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
    private IRowIndex? _index;

    public Generation(int dimensions, DistanceMetric metric)
    {
        Rows = new RowTable(dimensions, metric);
        Scorer = new RowScorer(Rows, DistanceScorer.For(metric));
        Columns = new ColumnCache(Rows);
        Matches = new MatchCache(Columns);
        Ids = new IdTable(Rows);
    }

    public RowTable Rows { get; }

    public RowScorer Scorer { get; }

    public ColumnCache Columns { get; }

    /// <summary>What filters last matched.</summary>
    public MatchCache Matches { get; }

    /// <summary>The living row of each id; guarded by the lock of the collection's state.</summary>
    public IdTable Ids { get; }

    /// <summary>Put in place once, by the maintainer; null while rows are scanned.</summary>
    public IRowIndex? Index
    {
        get => Volatile.Read(ref _index);
        set => Volatile.Write(ref _index, value);
    }

    /// <summary>Bytes that only memory holds.</summary>
    public long MemoryBytes =>
        Rows.MemoryBytes + Ids.Bytes + (Index?.Bytes.Total ?? 0) + Columns.Bytes + Matches.Bytes;

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
        Index?.Dispose();
    }
}

/// <summary>What a search sees: rows below a count that were alive at a commit. Taken once, it never changes.</summary>
internal sealed record Snapshot(Generation Generation, int Rows, long Commit, int Live);
