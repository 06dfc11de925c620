using System.IO.Hashing;
using System.Runtime.CompilerServices;
using System.Text.Unicode;
using Taishang.VectorEngine.Memory;

namespace Taishang.VectorEngine.Storage;

/// <summary>
/// The living row of each id: an open-addressing table with linear probing over one unmanaged block. A slot holds the
/// upper half of the id's hash and the row's number plus one; the id itself stays in the row's record. A removal moves
/// the slots behind it forward, so that no marks of removed ids pile up. There are as many slots as the ids need, not a
/// power of two, and they are filled so far that an id which is not there is missed after some thirty neighbouring
/// slots: half of a table's memory would otherwise be empty. For one caller at a time.
/// </summary>
internal sealed unsafe class IdTable(RowTable rows) : IDisposable
{
    private const int FirstSlots = 16;

    /// <summary>Of eight slots seven may be taken.</summary>
    private const int TakenMax = 7;
    private const int TakenOf = 8;

    /// <summary>Differs between processes, so that nobody can choose ids that all meet in one slot.</summary>
    private static readonly long Seed = BitConverter.ToInt64(Guid.NewGuid().ToByteArray(), sizeof(long));

    private NativeBlock _block = NewBlock(FirstSlots);
    private uint _slotCount = FirstSlots;

    public int Count { get; private set; }

    public long Bytes => (long)_block.Bytes;

    private ulong* Slots => (ulong*)_block.Pointer;

    public void EnsureCapacity(int count)
    {
        var slots = ((long)count * TakenOf + TakenMax - 1) / TakenMax;
        if (slots > _slotCount)
            Grow(slots);
    }

    /// <summary>Finds an id as callers write it; text that is no Unicode is no id. Allocates nothing.</summary>
    public bool TryGet(string id, out int row)
    {
        row = -1;
        if (id.Length > Limits.IdCharactersMax)
            return false;

        Span<byte> bytes = stackalloc byte[RowRecord.IdBytesMax];
        var status = Utf8.FromUtf16(id, bytes, out _, out var length, replaceInvalidSequences: false);
        return status == System.Buffers.OperationStatus.Done && TryGet(bytes[..length], out row);
    }

    public bool TryGet(ReadOnlySpan<byte> id, out int row)
    {
        var slot = Find(id, Hash(id));
        row = RowOf(Slots[slot]);
        return row >= 0;
    }

    /// <summary>Makes a row the living one of its id; returns the row that was it before, or −1.</summary>
    public int Put(int row)
    {
        var id = rows.Record(row).Id;
        var hash = Hash(id);
        var slot = Find(id, hash);
        var before = RowOf(Slots[slot]);
        if (before < 0)
        {
            Count++;
            if ((long)Count * TakenOf > (long)_slotCount * TakenMax)
            {
                Grow(_slotCount + _slotCount / 2L);
                slot = Find(id, hash);
            }
        }

        Slots[slot] = Pack(hash, row);
        return before;
    }

    public bool Remove(ReadOnlySpan<byte> id, out int row)
    {
        var hole = Find(id, Hash(id));
        row = RowOf(Slots[hole]);
        if (row < 0)
            return false;

        Count--;
        for (var slot = Next(hole); Slots[slot] != 0; slot = Next(slot))
        {
            // A slot may move into the hole unless its own place lies between the two.
            if (Distance(Home(HashOf(Slots[slot])), slot) < Distance(hole, slot))
                continue;

            Slots[hole] = Slots[slot];
            hole = slot;
        }

        Slots[hole] = 0;
        return true;
    }

    public void Dispose() => _block.Dispose();

    /// <summary>The slot of an id, or the free one where it belongs.</summary>
    private uint Find(ReadOnlySpan<byte> id, uint hash)
    {
        var slot = Home(hash);
        for (; Slots[slot] != 0; slot = Next(slot))
        {
            if (HashOf(Slots[slot]) == hash && rows.Record(RowOf(Slots[slot])).Id.SequenceEqual(id))
                break;
        }

        return slot;
    }

    private void Grow(long slots)
    {
        using var old = _block;
        var oldSlots = (ulong*)old.Pointer;
        var oldCount = _slotCount;
        _block = NewBlock(slots);
        _slotCount = checked((uint)slots);
        for (uint i = 0; i < oldCount; i++)
        {
            if (oldSlots[i] == 0)
                continue;

            var slot = Home(HashOf(oldSlots[i]));
            while (Slots[slot] != 0)
                slot = Next(slot);
            Slots[slot] = oldSlots[i];
        }
    }

    private static NativeBlock NewBlock(long slots)
    {
        var block = new NativeBlock((nuint)slots * sizeof(ulong), hugePages: true);
        // Pages of the system are zeros, and take memory as they are written.
        if (!block.IsWholePages)
            System.Runtime.InteropServices.NativeMemory.Clear(block.Pointer, block.Bytes);
        return block;
    }

    /// <summary>Lays all hashes over the slots, evenly and in order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint Home(uint hash) => (uint)((ulong)hash * _slotCount >> 32);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint Next(uint slot) => slot + 1 == _slotCount ? 0 : slot + 1;

    /// <summary>Steps from one slot to another.</summary>
    private uint Distance(uint from, uint to) => to >= from ? to - from : to + (_slotCount - from);

    private static uint Hash(ReadOnlySpan<byte> id) => (uint)(XxHash3.HashToUInt64(id, Seed) >> 32);

    private static ulong Pack(uint hash, int row) => (ulong)hash << 32 | (uint)(row + 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint HashOf(ulong slot) => (uint)(slot >> 32);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int RowOf(ulong slot) => (int)(uint)slot - 1;
}
