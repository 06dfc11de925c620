using Wire = Taishang.Contracts.Ai.V1.IndexType;

namespace Taishang.Core.Collections;

/// <summary>The index types by their names, as callers, rows and workers know them.</summary>
internal static class IndexTypes
{
    private static readonly string[] GraphParams = ["m", "ef_construction", "ef_search"];
    private static readonly string[] ListParams = ["nlist", "nprobe"];

    private static readonly IndexTypeRule[] Known =
    [
        new("FLAT", Wire.Flat, [], CollectionParams.None),
        new("HNSW", Wire.Hnsw, GraphParams, CollectionParams.HnswDefaults),
        new("IVF_FLAT", Wire.IvfFlat, ListParams, CollectionParams.None),
        new("IVF_SQ8", Wire.IvfSq8, ListParams, CollectionParams.None),
        new("AUTO", Wire.Auto, GraphParams, CollectionParams.HnswDefaults),
    ];

    public static string[] Names { get; } = [.. Known.Select(known => known.Name)];

    /// <summary>Null for a name that is none.</summary>
    public static IndexTypeRule? Find(string name) => Array.Find(Known, known => known.Name == name);

    /// <param name="name">Checked when the collection was created.</param>
    public static Wire ToWire(string name) => Known.First(known => known.Name == name).Wire;

    /// <summary>A type that a later worker reports and this core does not know is told as it comes.</summary>
    public static string NameOf(Wire wire) =>
        Array.Find(Known, known => known.Wire == wire)?.Name ?? wire.ToString().ToUpperInvariant();
}

/// <summary>What goes with an index type.</summary>
/// <param name="Name">For callers.</param>
/// <param name="Wire">For workers.</param>
/// <param name="Params">Parameters that it takes.</param>
/// <param name="Defaults">Of them, those that are written down where the caller says nothing.</param>
internal sealed record IndexTypeRule(string Name, Wire Wire, string[] Params, CollectionParams Defaults);
