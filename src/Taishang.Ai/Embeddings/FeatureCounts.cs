using System.Runtime.CompilerServices;

namespace Taishang.Ai.Embeddings;

/// <summary>
/// Counts the features of one text: an open-addressing table that is cleared by what was used, not by its size, so
/// that one instance serves text after text without allocating. Not thread-safe.
/// </summary>
internal sealed class FeatureCounts
{
    private const int InitialSlots = 1 << 12;

    private ulong[] _keys = new ulong[InitialSlots];
    private int[] _counts = new int[InitialSlots];
    private int[] _used = new int[InitialSlots / 2];
    private int _mask = InitialSlots - 1;

    /// <summary>Number of different features.</summary>
    public int Count { get; private set; }

    /// <summary>The key of the n-th different feature, in order of its first appearance.</summary>
    public ulong KeyAt(int ordinal) => _keys[_used[ordinal]];

    /// <summary>How often the n-th different feature appeared.</summary>
    public int CountAt(int ordinal) => _counts[_used[ordinal]];

    /// <summary>Adds one appearance of <paramref name="key"/>, which is never 0: 0 marks a free slot.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(ulong key)
    {
        // The high bits choose the slot, because the low ones hold the kind.
        int slot = (int)(key >> 32) & _mask;
        while (true)
        {
            ulong present = _keys[slot];
            if (present == key)
            {
                _counts[slot]++;
                return;
            }
            if (present == 0) break;
            slot = (slot + 1) & _mask;
        }
        Insert(key, slot);
    }

    /// <summary>Forgets all features and keeps the memory.</summary>
    public void Clear()
    {
        for (int ordinal = 0; ordinal < Count; ordinal++) _keys[_used[ordinal]] = 0;
        Count = 0;
    }

    private void Insert(ulong key, int slot)
    {
        if (Count == _used.Length)
        {
            Grow();
            slot = (int)(key >> 32) & _mask;
            while (_keys[slot] != 0) slot = (slot + 1) & _mask;
        }
        _keys[slot] = key;
        _counts[slot] = 1;
        _used[Count++] = slot;
    }

    // At most half of the slots are ever used, so probing stays short and always ends.
    private void Grow()
    {
        ulong[] oldKeys = _keys;
        int[] oldCounts = _counts;
        int[] oldUsed = _used;
        int slots = oldKeys.Length * 2;
        _keys = new ulong[slots];
        _counts = new int[slots];
        _used = new int[slots / 2];
        _mask = slots - 1;
        for (int ordinal = 0; ordinal < Count; ordinal++)
        {
            int old = oldUsed[ordinal];
            int slot = (int)(oldKeys[old] >> 32) & _mask;
            while (_keys[slot] != 0) slot = (slot + 1) & _mask;
            _keys[slot] = oldKeys[old];
            _counts[slot] = oldCounts[old];
            _used[ordinal] = slot;
        }
    }
}
