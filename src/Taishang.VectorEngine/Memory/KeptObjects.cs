namespace Taishang.VectorEngine.Memory;

/// <summary>Objects of finished calls, kept for the next ones, so that after warm-up calls allocate nothing.</summary>
/// <param name="keptMax">Kept at most; further calls at once make their own and drop it.</param>
internal sealed class KeptObjects<T>(int keptMax)
    where T : class, IDisposable
{
    private readonly T?[] _kept = new T?[keptMax];

    /// <summary>One that nobody uses, or null.</summary>
    public T? TryTake()
    {
        for (var i = 0; i < _kept.Length; i++)
        {
            if (_kept[i] is not null && Interlocked.Exchange(ref _kept[i], null) is { } taken)
                return taken;
        }

        return null;
    }

    /// <summary>Gives one back, or up when enough are kept.</summary>
    public void Return(T used)
    {
        for (var i = 0; i < _kept.Length; i++)
        {
            if (_kept[i] is null && Interlocked.CompareExchange(ref _kept[i], used, null) is null)
                return;
        }

        used.Dispose();
    }

    public void Clear()
    {
        for (var i = 0; i < _kept.Length; i++)
            Interlocked.Exchange(ref _kept[i], null)?.Dispose();
    }
}
