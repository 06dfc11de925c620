using Taishang.VectorEngine.Memory;

namespace Taishang.VectorEngine.Storage;

/// <summary>Ties of distance go by id, in ordinal order.</summary>
internal readonly struct IdOrder(RowTable rows) : ITieBreak
{
    public int Compare(int left, int right) => string.CompareOrdinal(rows.Info(left).Id, rows.Info(right).Id);
}
