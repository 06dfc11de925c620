using System.Text.Json;
using System.Text.Json.Nodes;
using Taishang.Core.Api;

namespace Taishang.Core.Models;

/// <summary>A model on the wire: secrets masked.</summary>
internal sealed record ModelAnswer
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    public required string Provider { get; init; }

    public required string Version { get; init; }

    public required string Status { get; init; }

    public string? StatusReason { get; init; }

    public string? Endpoint { get; init; }

    public required JsonObject Config { get; init; }

    public string? Kind { get; init; }

    public int? Dims { get; init; }

    public required IReadOnlyDictionary<string, string> Tags { get; init; }

    public ModelCard? Card { get; init; }

    public DateTimeOffset? TestedAt { get; init; }

    /// <summary>null for none.</summary>
    public int? TestsFailed { get; init; }

    public DateTimeOffset? RetireAt { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; init; }

    public static ModelAnswer Of(Model model) => new()
    {
        Id = model.Id,
        Name = model.Name,
        Provider = model.Provider,
        Version = model.Version,
        Status = model.Status,
        StatusReason = model.StatusReason,
        Endpoint = model.Endpoint,
        Config = ConfigSecrets.Masked(model.Config),
        Kind = model.Kind,
        Dims = model.Dims,
        Tags = JsonSerializer.Deserialize<Dictionary<string, string>>(model.Tags, ApiJson.Options) ?? [],
        Card = model.Card is null ? null : JsonSerializer.Deserialize<ModelCard>(model.Card, ApiJson.Options),
        TestedAt = model.TestedAt,
        TestsFailed = model.TestsFailed > 0 ? model.TestsFailed : null,
        RetireAt = model.RetireAt,
        CreatedAt = model.CreatedAt,
        UpdatedAt = model.UpdatedAt,
    };
}

/// <summary>A version on the wire: secrets masked.</summary>
internal sealed record ModelVersionAnswer
{
    public required string Id { get; init; }

    public required string ModelId { get; init; }

    public required string Version { get; init; }

    public required int Major { get; init; }

    public required bool Current { get; init; }

    public string? Endpoint { get; init; }

    public required JsonObject Config { get; init; }

    public string? Kind { get; init; }

    public int? Dims { get; init; }

    public string? Checksum { get; init; }

    public int? MaxTokens { get; init; }

    public bool? Normalized { get; init; }

    public IReadOnlyList<string>? Labels { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public static ModelVersionAnswer Of(ModelVersion version, bool current) =>
        Of(version, current, ModelFacts.Of(version));

    private static ModelVersionAnswer Of(ModelVersion version, bool current, ModelFacts facts) => new()
    {
        MaxTokens = facts.MaxTokens,
        Normalized = facts.Normalized,
        Labels = facts.Labels,
        Id = version.Id,
        ModelId = version.ModelId,
        Version = version.Version,
        Major = version.Major,
        Current = current,
        Endpoint = version.Endpoint,
        Config = ConfigSecrets.Masked(version.Config),
        Kind = version.Kind,
        Dims = version.Dims,
        Checksum = version.Checksum,
        CreatedAt = version.CreatedAt,
    };
}
