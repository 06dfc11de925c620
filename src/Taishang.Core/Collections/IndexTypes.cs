using Wire = Taishang.Contracts.Ai.V1.IndexType;

namespace Taishang.Core.Collections;

/// <summary>The index types by their names, as callers, rows and workers know them.</summary>
internal static class IndexTypes
{
    private static readonly (string Name, Wire Wire)[] Known =
    [
        ("FLAT", Wire.Flat),
        ("HNSW", Wire.Hnsw),
        ("AUTO", Wire.Auto),
    ];

    public static string[] Names { get; } = [.. Known.Select(known => known.Name)];

    /// <param name="name">Checked when the collection was created.</param>
    public static Wire ToWire(string name) => Known.First(known => known.Name == name).Wire;

    /// <summary>A type that a later worker reports and this core does not know is told as it comes.</summary>
    public static string NameOf(Wire wire) =>
        Known.FirstOrDefault(known => known.Wire == wire).Name ?? wire.ToString().ToUpperInvariant();
}
