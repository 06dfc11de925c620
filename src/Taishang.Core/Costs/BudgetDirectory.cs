namespace Taishang.Core.Costs;

/// <summary>
/// Budgets in memory: calls look here and nowhere else. A change through this core is read before it is answered; one
/// through another core is found by its revision, after <see cref="CostOptions.BudgetCacheMs"/> at the latest.
/// </summary>
internal sealed class BudgetDirectory(BudgetStore store) : IDisposable
{
    private readonly SemaphoreSlim _loading = new(1);
    private volatile BudgetSet? _set;

    /// <summary>null until the first call, or the first look of the worker, has read them.</summary>
    public BudgetSet? Known => _set;

    public ValueTask<BudgetSet> GetAsync(CancellationToken cancellation) =>
        _set is { } set ? new ValueTask<BudgetSet>(set) : new ValueTask<BudgetSet>(ReadAsync(true, cancellation));

    /// <summary>Reads what has changed since it was last read. While the database is away what is known
    /// stands.</summary>
    public Task RefreshAsync(CancellationToken cancellation) => ReadAsync(false, cancellation);

    public void Dispose() => _loading.Dispose();

    private async Task<BudgetSet> ReadAsync(bool once, CancellationToken cancellation)
    {
        await _loading.WaitAsync(cancellation);
        try
        {
            if (_set is { } known)
            {
                if (once || await store.RevisionAsync(cancellation) == known.Revision) return known;
            }

            // The revision is read before the rows: what changes between is read again.
            return _set = await store.ReadAllAsync(cancellation);
        }
        finally
        {
            _loading.Release();
        }
    }
}
