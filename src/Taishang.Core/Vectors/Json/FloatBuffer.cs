using System.Buffers;

namespace Taishang.Core.Vectors.Json;

/// <summary>A growing run of floats out of the shared pool, used again for every vector of a body.</summary>
internal sealed class FloatBuffer : IDisposable
{
    private const int StartCapacity = 2_048;

    private float[] _values = ArrayPool<float>.Shared.Rent(StartCapacity);

    public int Count { get; private set; }

    public Span<float> Written => _values.AsSpan(0, Count);

    public void Clear() => Count = 0;

    public void Add(float value)
    {
        if (Count == _values.Length) Grow(Count + 1);
        _values[Count++] = value;
    }

    /// <summary>Room for a whole vector, counted as written.</summary>
    public Span<float> Take(int count)
    {
        if (count > _values.Length) Grow(count);
        Count = count;
        return Written;
    }

    public void Dispose()
    {
        ArrayPool<float>.Shared.Return(_values);
        _values = [];
        Count = 0;
    }

    private void Grow(int needed)
    {
        var larger = ArrayPool<float>.Shared.Rent(Math.Max(needed, _values.Length * 2));
        Written.CopyTo(larger);
        ArrayPool<float>.Shared.Return(_values);
        _values = larger;
    }
}
