using Taishang.Contracts.Ai.V1;

namespace Taishang.Core.Collections;

/// <summary>A row of tai_vector_collections: what a collection is, without its vectors.</summary>
internal sealed record Collection
{
    public const string NamePattern = "[A-Za-z_][A-Za-z0-9_-]{0,99}";

    /// <summary>A name has at most 100 characters, an id 36.</summary>
    public const int ReferenceCharactersMax = 100;

    public string Id { get; init; } = "";

    public string Name { get; init; } = "";

    public int Dims { get; init; }

    public string IndexType { get; init; } = "";

    public string MetricType { get; init; } = "";

    public string Status { get; init; } = CollectionStatus.Building;

    public string? ErrorMsg { get; init; }

    /// <summary>JSON with every parameter of the index type, defaults filled in.</summary>
    public string Params { get; init; } = "{}";

    /// <summary>provider/name of the model that turns text into its vectors; null takes vectors only.</summary>
    public string? Model { get; init; }

    public string? ModelId { get; init; }

    public int? ModelMajor { get; init; }

    public string Engine { get; init; } = "";

    public string Compression { get; init; } = "";

    public long? TtlSeconds { get; init; }

    public int Shards { get; init; }

    public string? Description { get; init; }

    /// <summary>Stays in its worker's memory however long nobody uses it.</summary>
    public bool Pinned { get; init; }

    /// <summary>Holds the rows. Null only while the collection is being created, when no one else sees it.</summary>
    public string? WorkerId { get; init; }

    /// <summary>The build asked for last.</summary>
    public string? BuildTaskId { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset UpdatedAt { get; init; }

    public bool IsCosine => MetricType == "cosine";

    /// <summary>An exact scan covers every row at every moment, so there is nothing to build.</summary>
    public bool IsFlat => IsScanned(IndexType, Compression);

    /// <summary>Codes would have to be made.</summary>
    public static bool IsScanned(string indexType, string compression) =>
        indexType == "FLAT" && compression == Compressions.None;

    /// <summary>The first character tells: a name never begins with a digit, and the id of any row made before the
    /// year 10889 does.</summary>
    public static bool IsId(string reference) =>
        reference.Length == 36 && char.IsAsciiDigit(reference[0]) && Guid.TryParseExact(reference, "D", out _);

    public static bool IsName(string text) =>
        text.Length is >= 1 and <= 100
        && (char.IsAsciiLetter(text[0]) || text[0] == '_')
        && text.All(character => char.IsAsciiLetterOrDigit(character) || character is '_' or '-');

    /// <summary>What the worker is told.</summary>
    public CollectionSpec ToSpec()
    {
        var parameters = CollectionParams.Parse(Params);
        return new CollectionSpec
        {
            Dims = Dims,
            Metric = MetricType switch
            {
                "cosine" => Metric.Cosine,
                "l2" => Metric.L2,
                _ => Metric.Dot,
            },
            IndexType = IndexTypes.ToWire(IndexType),
            Connectivity = parameters.Connectivity ?? 0,
            EfConstruction = parameters.EfConstruction ?? 0,
            EfSearch = parameters.EfSearch ?? 0,
            Nlist = parameters.Lists ?? 0,
            Nprobe = parameters.Probes ?? 0,
            Compression = Compressions.ToWire(Compression),
            Rerank = Compressions.RerankToWire(parameters.Rerank),
            TtlSeconds = TtlSeconds ?? 0,
            Engine = Engine,
            Shards = Shards,
            Pinned = Pinned,
        };
    }
}

/// <summary>docs/decisions/0331 says when each begins and ends.</summary>
internal static class CollectionStatus
{
    public const string Building = "building";
    public const string Ready = "ready";
    public const string Error = "error";
}
