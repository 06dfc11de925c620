using Taishang.VectorEngine.Memory;

namespace Taishang.VectorEngine.Indexes.Ivf;

/// <summary>
/// The lists in the order in which a query looks through them. A heap over all of them, because a search takes a few of
/// very many. Kept with the search's memory and used again.
/// </summary>
internal sealed unsafe class IvfQueue : IDisposable
{
    private NativeBlock? _block;
    private int _count;

    private ulong* Entries => (ulong*)_block!.Pointer;

    public void Fill(IvfCentroids centroids, float* query)
    {
        _count = centroids.Count;
        var bytes = (nuint)_count * (sizeof(ulong) + sizeof(float));
        if (_block is null || _block.Bytes < bytes)
        {
            _block?.Dispose();
            _block = new NativeBlock(bytes, hugePages: false);
        }

        var distances = (float*)(Entries + _count);
        centroids.Rank(query, distances);
        for (var list = 0; list < _count; list++)
            Entries[list] = Ranked.Pack(distances[list], list);
        for (var at = _count / 2 - 1; at >= 0; at--)
            SiftDown(at);
    }

    /// <summary>The nearest list that is left, or −1.</summary>
    public int Pop()
    {
        if (_count == 0)
            return -1;

        var list = Ranked.Node(Entries[0]);
        Entries[0] = Entries[--_count];
        SiftDown(0);
        return list;
    }

    public void Dispose() => _block?.Dispose();

    private void SiftDown(int at)
    {
        var item = Entries[at];
        while (true)
        {
            var child = 2 * at + 1;
            if (child >= _count)
                break;

            if (child + 1 < _count && Entries[child + 1] < Entries[child])
                child++;
            if (Entries[child] >= item)
                break;

            Entries[at] = Entries[child];
            at = child;
        }

        Entries[at] = item;
    }
}
