namespace Taishang.Core.Models;

/// <summary>A model as it stands: its row and what its current version promises.</summary>
public sealed class Model
{
    public string Id { get; set; } = "";

    public string Name { get; set; } = "";

    public string Provider { get; set; } = "";

    /// <summary>The current version, semantic.</summary>
    public string Version { get; set; } = "";

    /// <summary>One of <see cref="ModelStatus"/>.</summary>
    public string Status { get; set; } = ModelStatus.Inactive;

    /// <summary>Why it is not active; null when it is, or when nothing is to be said.</summary>
    public string? StatusReason { get; set; }

    public string? Endpoint { get; set; }

    /// <summary>As stored: a JSON object whose secrets are sealed.</summary>
    public string Config { get; set; } = "{}";

    /// <summary>What the test saw: embedding, classification, tensors; null before a test passed.</summary>
    public string? Kind { get; set; }

    /// <summary>Of its embeddings; null before a test passed and for other kinds.</summary>
    public int? Dims { get; set; }

    /// <summary>A JSON object of text to text.</summary>
    public string Tags { get; set; } = "{}";

    /// <summary>A <see cref="ModelCard"/> as JSON; null when nobody wrote one.</summary>
    public string? Card { get; set; }

    public DateTimeOffset? TestedAt { get; set; }

    /// <summary>Tests in a row that the timer saw fail.</summary>
    public int TestsFailed { get; set; }

    public DateTimeOffset? DeprecatedAt { get; set; }

    /// <summary>Calls are refused from then on; set only while deprecated.</summary>
    public DateTimeOffset? RetireAt { get; set; }

    public DateTimeOffset CreatedAt { get; set; }

    public DateTimeOffset UpdatedAt { get; set; }

    public string Reference => $"{Provider}/{Name}";
}

/// <summary>The words of a model's status, as on the wire and in rows.</summary>
public static class ModelStatus
{
    public const string Active = "active";
    public const string Inactive = "inactive";
    public const string Deprecated = "deprecated";

    public static bool IsKnown(string status) => status is Active or Inactive or Deprecated;
}

/// <summary>
/// One version: immutable in what was registered (version, endpoint, config); what a test measures (kind, dims,
/// checksum) is filled in once, when the first test passes.
/// </summary>
public sealed class ModelVersion
{
    public string Id { get; set; } = "";

    public string ModelId { get; set; } = "";

    public string Version { get; set; } = "";

    public int Major { get; set; }

    public string? Endpoint { get; set; }

    /// <summary>As stored: a JSON object whose secrets are sealed.</summary>
    public string Config { get; set; } = "{}";

    public string? Kind { get; set; }

    public int? Dims { get; set; }

    public string? Checksum { get; set; }

    /// <summary>What a test measured of <see cref="ModelFacts"/>, as JSON.</summary>
    public string? Facts { get; set; }

    public DateTimeOffset CreatedAt { get; set; }
}
