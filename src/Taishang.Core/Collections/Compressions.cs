using Taishang.Contracts.Ai.V1;
using Taishang.Core.Api;

namespace Taishang.Core.Collections;

/// <summary>Compressions and what orders their finds, by their names, and what goes together.</summary>
internal static class Compressions
{
    public const string None = "none";
    public const string Float32 = "float32";

    /// <summary>Signs alone tell no vectors apart below this.</summary>
    private const int BinaryDimsMin = 64;

    private static readonly (string Name, Compression Wire)[] Known =
    [
        (None, Compression.None),
        ("sq8", Compression.Sq8),
        ("sq4", Compression.Sq4),
        ("binary", Compression.Binary),
    ];

    private static readonly (string Name, Rerank Wire)[] KnownReranks =
    [
        (Float32, Rerank.Float32),
        ("float16", Rerank.Float16),
        (None, Rerank.None),
    ];

    public static string[] Names { get; } = [.. Known.Select(known => known.Name)];

    /// <summary>Known names that no worker of this version has.</summary>
    public static string[] ToCome { get; } = ["float16", "int8", "pq"];

    public static string[] Reranks { get; } = [.. KnownReranks.Select(known => known.Name)];

    public static Compression ToWire(string name) => Known.First(known => known.Name == name).Wire;

    public static Rerank RerankToWire(string? name) =>
        KnownReranks.First(known => known.Name == (name ?? Float32)).Wire;

    public static string NameOf(Compression wire) =>
        Known.FirstOrDefault(known => known.Wire == wire).Name ?? wire.ToString().ToLowerInvariant();

    public static string NameOf(Rerank wire) =>
        KnownReranks.FirstOrDefault(known => known.Wire == wire).Name ?? wire.ToString().ToLowerInvariant();

    /// <summary>Refuses what does not go together, by the field that has to change.</summary>
    /// <param name="body">Each of its fields is right by itself.</param>
    /// <param name="compression">Of the body, or none.</param>
    /// <param name="rerank">Of its parameters; null when absent.</param>
    /// <param name="errors">Gets what is wrong.</param>
    public static void CheckTogether(
        CreateCollectionBody body, string compression, string? rerank, FieldErrors errors)
    {
        if (compression == None && rerank is not null)
            errors.Add(
                ErrorCodes.CollectionParameter, "params.rerank",
                "goes with a compression: without one there are no codes to put in order");
        if (body.IndexType == "IVF_SQ8" && compression is not (None or "sq8"))
            errors.Add(
                ErrorCodes.CollectionParameter, "compression",
                $"IVF_SQ8 is sq8 already, came {compression}; IVF_FLAT takes every compression");
        if (compression == "binary" && body.Dims < BinaryDimsMin)
            errors.Add(
                ErrorCodes.CollectionParameter, "compression",
                $"binary needs at least {BinaryDimsMin} dims, came {body.Dims}");
    }
}
