namespace Taishang.VectorEngine;

/// <summary>
/// The caller's name of a row: 1–128 characters. An integer is the same id as its decimal text (7 and "7" name one
/// row); the form written last is the form given back.
/// </summary>
/// <param name="Text">The id as text; of an integer its invariant decimal form.</param>
/// <param name="IsInteger">True when the caller wrote a JSON integer.</param>
public readonly record struct VectorId(string Text, bool IsInteger = false) : IComparable<VectorId>
{
    public static VectorId FromInteger(long value) =>
        new(value.ToString(System.Globalization.CultureInfo.InvariantCulture), IsInteger: true);

    public bool Equals(VectorId other) => string.Equals(Text, other.Text, StringComparison.Ordinal);

    public override int GetHashCode() => string.GetHashCode(Text, StringComparison.Ordinal);

    /// <summary>Ordinal order of the text: the order in which ties of distance are returned.</summary>
    public int CompareTo(VectorId other) => string.CompareOrdinal(Text, other.Text);

    public override string ToString() => Text;
}
