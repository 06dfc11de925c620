namespace Taishang.VectorEngine.Filtering;

/// <summary>What a filter may cost at most. Past any of these it is refused, never cut.</summary>
public static class FilterLimits
{
    /// <summary>Bytes of the JSON.</summary>
    public const int JsonBytesMax = 1 << 20;

    /// <summary>$and, $or and $not inside each other.</summary>
    public const int DepthMax = 16;

    /// <summary>Conditions on fields, all together.</summary>
    public const int ConditionsMax = 512;

    /// <summary>Values of one $in or $nin.</summary>
    public const int ListValuesMax = 10_000;

    /// <summary>Characters of a field's dotted name.</summary>
    public const int PathCharactersMax = 512;
}
