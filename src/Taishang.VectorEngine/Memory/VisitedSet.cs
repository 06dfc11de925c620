using System.Runtime.CompilerServices;

namespace Taishang.VectorEngine.Memory;

/// <summary>
/// Which nodes a walk has met. Marks carry the number of the walk, so that beginning the next one costs nothing; the
/// marks are cleared only when the number runs out.
/// </summary>
internal sealed class VisitedSet
{
    private ushort[] _marks = [];
    private ushort _walk;

    /// <summary>Starts a walk over nodes 0 to <paramref name="nodes"/> − 1.</summary>
    public void Begin(int nodes)
    {
        if (_marks.Length < nodes)
        {
            _marks = new ushort[Math.Max(nodes, (int)Math.Min(Array.MaxLength, _marks.Length * 3L / 2))];
            _walk = 0;
        }

        if (_walk == ushort.MaxValue)
        {
            Array.Clear(_marks);
            _walk = 0;
        }

        _walk++;
    }

    /// <summary>True the first time that this walk meets the node.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryVisit(int node)
    {
        ref var mark = ref _marks[node];
        if (mark == _walk)
            return false;

        mark = _walk;
        return true;
    }
}
