namespace Taishang.VectorEngine.Filtering;

/// <summary>A field as one filter uses it.</summary>
/// <param name="Column">Numbers the field's strings.</param>
/// <param name="View">The values of every row asked for, and maybe of some behind.</param>
/// <param name="Index">Finds the first rows by their values; null where the field has none.</param>
internal readonly record struct FieldUse(FieldColumn Column, ColumnView View, FieldIndex? Index);
