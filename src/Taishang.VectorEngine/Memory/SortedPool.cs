using System.Runtime.CompilerServices;

namespace Taishang.VectorEngine.Memory;

/// <summary>
/// The nearest nodes met so far, in order, at most <see cref="Capacity"/> of them. A sorted array beats two heaps at
/// the widths that searches use (tens to hundreds): insertion is one binary search and one short move of memory, and
/// the next node to expand is found by walking forward. The flag of an entry says that it was expanded.
/// </summary>
internal sealed class SortedPool
{
    private ulong[] _entries = [];

    public int Capacity { get; private set; }

    public int Count { get; private set; }

    public ReadOnlySpan<ulong> Entries => _entries.AsSpan(0, Count);

    /// <summary>Empties the pool for a walk of this width.</summary>
    public void Begin(int capacity)
    {
        Capacity = capacity;
        Count = 0;
        if (_entries.Length < capacity + 1)
            _entries = new ulong[capacity + 1];
    }

    /// <summary>What a new entry has to beat: everything is welcome while there is room.</summary>
    public ulong Bound
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Count < Capacity ? ulong.MaxValue : _entries[Count - 1];
    }

    /// <summary>Inserts an entry below <see cref="Bound"/>; returns its place.</summary>
    public int Insert(ulong ranked)
    {
        var low = 0;
        var high = Count;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (_entries[middle] < ranked)
                low = middle + 1;
            else
                high = middle;
        }

        _entries.AsSpan(low, Count - low).CopyTo(_entries.AsSpan(low + 1));
        _entries[low] = ranked;
        if (Count < Capacity)
            Count++;
        return low;
    }

    /// <summary>The first node from <paramref name="from"/> on that was not expanded, without taking it; −1 when none
    /// is left.</summary>
    public int PeekNext(int from)
    {
        for (; from < Count; from++)
        {
            if ((_entries[from] & Ranked.Flag) == 0)
                return Ranked.Node(_entries[from]);
        }

        return -1;
    }

    /// <summary>Takes the first entry from <paramref name="from"/> on that was not expanded; −1 when none is
    /// left.</summary>
    public int TakeNext(ref int from)
    {
        for (; from < Count; from++)
        {
            ref var entry = ref _entries[from];
            if ((entry & Ranked.Flag) != 0)
                continue;

            var node = Ranked.Node(entry);
            entry |= Ranked.Flag;
            from++;
            return node;
        }

        return -1;
    }
}
