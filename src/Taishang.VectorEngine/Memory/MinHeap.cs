namespace Taishang.VectorEngine.Memory;

/// <summary>A binary heap of packed nodes, nearest on top, growing as needed and reused between walks.</summary>
internal sealed class MinHeap
{
    private ulong[] _items = new ulong[256];

    public int Count { get; private set; }

    public ulong Top => _items[0];

    public void Clear() => Count = 0;

    public void Push(ulong item)
    {
        if (Count == _items.Length)
            Array.Resize(ref _items, Count * 2);

        var at = Count++;
        while (at > 0)
        {
            var parent = (at - 1) >> 1;
            if (_items[parent] <= item)
                break;

            _items[at] = _items[parent];
            at = parent;
        }

        _items[at] = item;
    }

    public ulong Pop()
    {
        var top = _items[0];
        var last = _items[--Count];
        var at = 0;
        while (true)
        {
            var child = (at << 1) + 1;
            if (child >= Count)
                break;

            if (child + 1 < Count && _items[child + 1] < _items[child])
                child++;
            if (_items[child] >= last)
                break;

            _items[at] = _items[child];
            at = child;
        }

        _items[at] = last;
        return top;
    }
}
