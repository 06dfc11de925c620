using System.Runtime.CompilerServices;

namespace Taishang.VectorEngine.Memory;

/// <summary>
/// Which nodes a walk has met. Marks carry the number of the walk, so that beginning the next one costs nothing; the
/// marks are cleared only when the number runs out. One byte a node, because marks are read at random: a larger set
/// falls out of the cache sooner than clearing every 255th walk costs.
/// </summary>
internal sealed unsafe class VisitedSet : IDisposable
{
    private NativeBlock? _block;
    private byte* _marks;
    private byte _walk;

    /// <summary>Starts a walk over nodes 0 to <paramref name="nodes"/> − 1.</summary>
    public void Begin(int nodes)
    {
        var bytes = _block?.Bytes ?? 0;
        if (bytes < (nuint)nodes)
        {
            _block?.Dispose();
            _block = new NativeBlock(Math.Max((nuint)nodes, bytes * 3 / 2), hugePages: true);
            _marks = _block.Pointer;
            Clear();
        }

        if (_walk == byte.MaxValue)
            Clear();

        _walk++;
    }

    /// <summary>True the first time that this walk meets the node, which is below the count it began with.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryVisit(int node)
    {
        if (_marks[node] == _walk)
            return false;

        _marks[node] = _walk;
        return true;
    }

    /// <summary>Makes a node of this walk one that it has not met.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Forget(int node) => _marks[node] = 0;

    public void Dispose() => _block?.Dispose();

    private void Clear()
    {
        System.Runtime.InteropServices.NativeMemory.Clear(_marks, _block!.Bytes);
        _walk = 0;
    }
}
