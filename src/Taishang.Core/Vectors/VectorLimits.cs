namespace Taishang.Core.Vectors;

/// <summary>The most that one call on vectors takes. The worker and the engine keep the same numbers.</summary>
internal static class VectorLimits
{
    /// <summary>Rows of one upsert, ids of one delete or get.</summary>
    public const int RowsMax = 10_000;

    /// <summary>Queries of one search call.</summary>
    public const int QueriesMax = 1_000;

    /// <summary>Hits that all queries of one call may bring together: what an answer may weigh.</summary>
    public const int HitsMax = 1_000_000;

    public const int TopKMax = 16_384;
    public const int TopKDefault = 10;
    public const int OffsetMax = 16_384;
    public const int EfMax = 16_384;

    /// <summary>Hits of one group.</summary>
    public const int GroupSizeMax = 1_000;

    /// <summary>Groups times hits of each, of one query.</summary>
    public const int GroupedHitsMax = 16_384;

    /// <summary>Characters of a field's dotted name.</summary>
    public const int FieldCharactersMax = 512;

    /// <summary>Rows of one page of a scroll.</summary>
    public const int ScrollRowsMax = 10_000;
    public const int ScrollRowsDefault = 100;
    public const int CursorCharactersMax = 128;
    public const int ProbesMax = 65_536;
    public const int DimensionsMax = 32_768;

    /// <summary>Characters (UTF-16 units) of a row's id.</summary>
    public const int IdCharactersMax = 128;

    /// <summary>Bytes of one row's metadata as it was sent.</summary>
    public const int MetadataBytesMax = 65_536;

    /// <summary>Bytes of a filter: room for a list of ten thousand values.</summary>
    public const int FilterBytesMax = 1024 * 1024;

    /// <summary>Names within one object of metadata or of a filter; doubled names are found by comparing all.</summary>
    public const int NamesMax = 1_000;

    /// <summary>Characters of one text to embed.</summary>
    public const int TextCharactersMax = 100_000;

    /// <summary>Texts of one embed call.</summary>
    public const int TextsMax = 1_000;

    /// <summary>A hundred years: a longer life is no expiry at all.</summary>
    public const long TtlSecondsMax = Collections.CollectionRules.TtlSecondsMax;
}
