using Taishang.VectorEngine.Quantization;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes.Ivf;

/// <summary>
/// What a list holds of a row: its floats as the table has them, or its code followed by the code's term.
/// </summary>
internal sealed unsafe class IvfEntries(RowTable rows, CodeGrid? grid)
{
    /// <summary>Kernels read whole steps, past the end of the last code.</summary>
    public const int SlackBytes = 64;

    public CodeGrid? Grid { get; } = grid;

    /// <summary>Where in an entry the term of the code stands.</summary>
    public int TermOffset { get; } = grid is null ? 0 : (grid.CodeBytes + sizeof(int) - 1) / sizeof(int) * sizeof(int);

    public int Bytes => Grid is null ? rows.StrideBytes : TermOffset + sizeof(int);

    public void Put(int row, byte* entry)
    {
        if (Grid is null)
        {
            Buffer.MemoryCopy(rows.Vector(row), entry, Bytes, Bytes);
            return;
        }

        *(int*)(entry + TermOffset) = Grid.Encode(rows.Vector(row), rows.Scale(row), entry);
    }
}

/// <summary>Entries that lie behind each other.</summary>
internal readonly unsafe struct IvfRun(int* rows, byte* entries, int count)
{
    public int* Rows { get; } = rows;

    public byte* Entries { get; } = entries;

    public int Count { get; } = count;
}
