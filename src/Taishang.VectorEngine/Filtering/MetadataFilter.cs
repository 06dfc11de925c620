namespace Taishang.VectorEngine.Filtering;

/// <summary>
/// A condition over a row's metadata, parsed once and evaluated over columns of field values. Grammar:
/// <c>{"field": value}</c>, <c>$eq $ne $gt $gte $lt $lte $in $nin $exists $contains</c>, <c>$and $or $not</c>; nested
/// fields by dots.
/// <list type="bullet">
/// <item>Several fields, or several operators of a field, must all hold. <c>{}</c> matches every row.</item>
/// <item>A dotted name leads through objects, and through the objects inside an array (any of them). A key that
/// contains the dots itself is found too.</item>
/// <item>$eq, $in, $gt, $gte, $lt and $lte hold for an array when they hold for any of its elements. Numbers compare
/// with numbers by value (1 equals 1.0; 64-bit integers exactly), strings with strings by code unit (so RFC 3339 times
/// of one zone compare as times); different kinds never match and never fail.</item>
/// <item>$contains: an array holds the value as an element; a string holds the string as a part.</item>
/// <item>$ne, $nin and $not are exact negations, so they match rows that lack the field.</item>
/// <item>$exists: the field is there, whatever its value, null included; null itself is matched by
/// <c>{"field": null}</c> only where it is written.</item>
/// </list>
/// </summary>
public sealed class MetadataFilter
{
    private MetadataFilter(FilterNode root, byte[] json)
    {
        Root = root;
        Json = json;
    }

    internal FilterNode Root { get; }

    /// <summary>What the filter was parsed from: two of the same bytes are the same filter.</summary>
    internal byte[] Json { get; }

    /// <summary>Parses the JSON of a filter. Limits: <see cref="FilterLimits"/>.</summary>
    /// <exception cref="FilterSyntaxException">The text is not a filter; the message names the place.</exception>
    public static MetadataFilter Parse(ReadOnlySpan<byte> filterJson) =>
        new(FilterParser.Parse(filterJson), filterJson.ToArray());
}
