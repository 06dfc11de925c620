using System.Runtime.CompilerServices;
using Taishang.VectorEngine.Memory;

namespace Taishang.VectorEngine.Storage;

/// <summary>
/// Where the record of each row lies: sixteen rows share the address of the first one's, and each has its distance
/// from there in two bytes, because records are written one behind the other. A record that lies elsewhere (behind the
/// end of a block, in another file, or far because those before it are long) has its address in a table of its own, of
/// which only the pages that are used take memory. Two and a half bytes a row. One writer sets rows in their order;
/// readers ask for rows that were published to them.
/// </summary>
internal sealed unsafe class RecordPlaces : IDisposable
{
    private const int GroupShift = 4;
    private const int GroupMask = (1 << GroupShift) - 1;

    /// <summary>Instead of a distance: the address is in the table.</summary>
    private const ushort Far = ushort.MaxValue;

    private readonly ChunkedRows _groups = new(sizeof(Group));
    private readonly ChunkedRows _far = new(sizeof(byte*));
    private int _farCount;

    /// <summary>Bytes used, as near as makes no difference.</summary>
    public long Bytes => _groups.Bytes + (long)_farCount * sizeof(byte*);

    /// <summary>Notes where the record of the next row lies.</summary>
    public void Set(int row, byte* address)
    {
        _groups.EnsureRows((row >> GroupShift) + 1);
        var group = (Group*)_groups.Row(row >> GroupShift);
        if ((row & GroupMask) == 0)
            group->First = address;

        var distance = address - group->First;
        if (distance is >= 0 and < Far)
        {
            group->Distances[row & GroupMask] = (ushort)distance;
            return;
        }

        _far.EnsureRows(row + 1);
        *(byte**)_far.Row(row) = address;
        _farCount++;
        group->Distances[row & GroupMask] = Far;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Of(int row)
    {
        var group = (Group*)_groups.Row(row >> GroupShift);
        var distance = group->Distances[row & GroupMask];
        return distance == Far ? *(byte**)_far.Row(row) : group->First + distance;
    }

    public void Dispose()
    {
        _groups.Dispose();
        _far.Dispose();
    }

    private struct Group
    {
        public byte* First;
        public fixed ushort Distances[GroupMask + 1];
    }
}
