using System.Text.Json;
using Taishang.Core.Api;

namespace Taishang.Core.Models;

/// <summary>What a version does beside kind and dims: measured by its test, or declared in its config where no test can
/// see it. null is unknown.</summary>
public sealed record ModelFacts
{
    private static readonly ModelFacts None = new();

    /// <summary>Tokens of a text that an embedding model reads.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>Whether its embeddings have the length 1.</summary>
    public bool? Normalized { get; init; }

    /// <summary>Of a classifier, sorted.</summary>
    public IReadOnlyList<string>? Labels { get; init; }

    /// <summary><c>config.metric</c>: how its embeddings are to be compared.</summary>
    public string? Metric { get; init; }

    /// <summary><c>config.context_tokens</c>: what a chat model reads and writes together.</summary>
    public int? ContextTokens { get; init; }

    /// <summary>What a passed test measured, as it is kept with the version.</summary>
    internal static string TextOf(ModelTest test) => JsonSerializer.Serialize(
        new ModelFacts { MaxTokens = test.MaxTokens, Normalized = test.Normalized, Labels = test.Labels },
        ApiJson.Options);

    /// <summary>What is known of a version: kept from its test, and declared by its config.</summary>
    internal static ModelFacts Of(ModelVersion version) => Declared(Read(version.Facts), version.Config);

    /// <summary>What a test says of a version now.</summary>
    internal static ModelFacts Of(ModelVersion version, ModelTest test) => Declared(Read(TextOf(test)), version.Config);

    private static ModelFacts Read(string? facts) =>
        facts is null ? None : JsonSerializer.Deserialize<ModelFacts>(facts, ApiJson.Options) ?? None;

    private static ModelFacts Declared(ModelFacts measured, string config)
    {
        using var document = JsonDocument.Parse(config);
        var root = document.RootElement;
        return measured with
        {
            Metric = root.TryGetProperty("metric", out var metric) && metric.ValueKind == JsonValueKind.String
                ? metric.GetString() : null,
            ContextTokens = root.TryGetProperty("context_tokens", out var context)
                && context.ValueKind == JsonValueKind.Number && context.TryGetInt32(out var tokens) ? tokens : null,
        };
    }
}
