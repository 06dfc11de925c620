namespace Taishang.VectorEngine.Indexes.Hnsw;

/// <summary>
/// Which row is the next one equal to a row, of the few rows that have such: an open-addressing table with linear
/// probing. Writers exclude each other by a lock, readers take none: a slot is written at once, and a table that was
/// outgrown still says what it said.
/// </summary>
internal sealed class TwinChains
{
    private const int FirstSlots = 64;
    private const int RowShift = 32;

    /// <summary>Spreads row numbers over the slots (Fibonacci hashing).</summary>
    private const uint Spread = 0x9E37_79B9;

    private readonly Lock _lock = new();
    private ulong[]? _slots;
    private int _taken;

    /// <summary>False as long as no row was ever given a next one.</summary>
    public bool Any => Volatile.Read(ref _slots) is not null;

    public long Bytes => (_slots?.Length ?? 0) * sizeof(ulong);

    /// <summary>The next row equal to this one, or <see cref="HnswGraph.NoNode"/>.</summary>
    public int Next(int row)
    {
        if (Volatile.Read(ref _slots) is not { } slots)
            return HnswGraph.NoNode;

        var slot = Volatile.Read(ref slots[Find(slots, row)]);
        return slot == 0 ? HnswGraph.NoNode : (int)(uint)slot;
    }

    /// <summary>Says what the next row is.</summary>
    public void Set(int row, int next)
    {
        lock (_lock)
        {
            var slots = _slots ?? new ulong[FirstSlots];
            var at = Find(slots, row);
            if (slots[at] == 0 && ++_taken * 2 > slots.Length)
            {
                slots = Grown(slots);
                at = Find(slots, row);
            }

            Volatile.Write(ref slots[at], (ulong)(uint)(row + 1) << RowShift | (uint)next);
            Volatile.Write(ref _slots, slots);
        }
    }

    /// <summary>Puts a row between another and its next one.</summary>
    public void Insert(int row, int after)
    {
        lock (_lock)
        {
            if (Next(after) is var next and not HnswGraph.NoNode)
                Set(row, next);
            Set(after, row);
        }
    }

    private static ulong[] Grown(ulong[] slots)
    {
        var grown = new ulong[slots.Length * 2];
        foreach (var slot in slots)
        {
            if (slot != 0)
                grown[Find(grown, (int)(slot >> RowShift) - 1)] = slot;
        }

        return grown;
    }

    /// <summary>The slot of a row, or the free one where it belongs. At most half are taken, so there is one.</summary>
    private static int Find(ulong[] slots, int row)
    {
        var mask = slots.Length - 1;
        var at = (int)((uint)row * Spread >> 1) & mask;
        while (Volatile.Read(ref slots[at]) is var slot and not 0 && (int)(slot >> RowShift) - 1 != row)
            at = (at + 1) & mask;
        return at;
    }
}
