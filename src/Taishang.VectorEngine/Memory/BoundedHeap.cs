using System.Runtime.CompilerServices;

namespace Taishang.VectorEngine.Memory;

/// <summary>Decides between two rows of equal distance.</summary>
internal interface ITieBreak
{
    /// <summary>Negative when <paramref name="left"/> comes first.</summary>
    int Compare(int left, int right);
}

/// <summary>A row and its distance.</summary>
internal readonly record struct Neighbor(float Distance, int Row);

/// <summary>
/// Keeps the nearest k of all rows offered to it, the farthest on top. Ties are decided by <typeparamref name="TTie"/>
/// alone, so that which rows are kept never depends on the order in which they came.
/// </summary>
internal sealed class BoundedHeap<TTie>
    where TTie : struct, ITieBreak
{
    /// <summary>Made once: a delegate for each sort would be the only thing that a search allocates.</summary>
    private readonly Comparison<Neighbor> _comparison;

    private Neighbor[] _items = [];
    private TTie _tie;
    private int _capacity;

    public BoundedHeap() => _comparison = Compare;

    public int Count { get; private set; }

    public bool IsFull => Count == _capacity;

    /// <summary>The distance that a new row may not exceed.</summary>
    public float Bound
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Count < _capacity ? float.PositiveInfinity : _items[0].Distance;
    }

    public void Begin(int capacity, TTie tie)
    {
        _capacity = capacity;
        _tie = tie;
        Count = 0;
        if (_items.Length < capacity)
            _items = new Neighbor[capacity];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Offer(float distance, int row)
    {
        if (distance <= Bound)
            Add(new Neighbor(distance, row));
    }

    /// <summary>Orders what was kept, nearest first. The heap must begin anew afterwards.</summary>
    public ReadOnlySpan<Neighbor> Finish()
    {
        var kept = _items.AsSpan(0, Count);
        kept.Sort(_comparison);
        return kept;
    }

    /// <summary>Puts any neighbours in the heap's order, ties by what it began with.</summary>
    public void Sort(Span<Neighbor> neighbors) => neighbors.Sort(_comparison);

    private void Add(Neighbor item)
    {
        if (Count < _capacity)
        {
            SiftUp(item);
            return;
        }

        if (Compare(item, _items[0]) < 0)
            SiftDown(item);
    }

    private int Compare(Neighbor left, Neighbor right)
    {
        var byDistance = left.Distance.CompareTo(right.Distance);
        return byDistance != 0 ? byDistance : _tie.Compare(left.Row, right.Row);
    }

    private void SiftUp(Neighbor item)
    {
        var at = Count++;
        while (at > 0)
        {
            var parent = (at - 1) >> 1;
            if (Compare(_items[parent], item) >= 0)
                break;

            _items[at] = _items[parent];
            at = parent;
        }

        _items[at] = item;
    }

    private void SiftDown(Neighbor item)
    {
        var at = 0;
        while (true)
        {
            var child = (at << 1) + 1;
            if (child >= Count)
                break;

            if (child + 1 < Count && Compare(_items[child + 1], _items[child]) > 0)
                child++;
            if (Compare(_items[child], item) <= 0)
                break;

            _items[at] = _items[child];
            at = child;
        }

        _items[at] = item;
    }
}
