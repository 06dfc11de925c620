using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Api;

namespace Taishang.Core.Models;

/// <summary>Asks ai whether a model answers, and holds the answer against what its major version promises.</summary>
internal sealed class ModelTester(IAiClient ai, ModelStore store, ConfigSecrets secrets)
{
    private const int ReasonLengthMax = 500;

    public ModelSpec SpecOf(Model model, ModelVersion version) => new()
    {
        Name = model.Name,
        Provider = model.Provider,
        Version = version.Version,
        Endpoint = version.Endpoint ?? "",
        ConfigJson = secrets.Open(version.Config, model.Id),
        Checksum = version.Checksum ?? "",
    };

    /// <summary>Tests; a model that does not pass is an outcome.</summary>
    /// <exception cref="ApiException">ai could not be asked.</exception>
    public async Task<ModelTest> TestAsync(Model model, ModelVersion version, CancellationToken cancellation)
    {
        var request = new TestModelRequest { Model = SpecOf(model, version) };
        var answer = await ai.CallAsync(AiCalls.TestModel, request, null, cancellation);
        return new ModelTest
        {
            Passed = answer.Passed,
            Reason = answer.Passed ? null : Cut(answer.Reason.Length > 0 ? answer.Reason : "the worker gave no reason"),
            Kind = answer.Kind.Length > 0 ? answer.Kind : null,
            Dims = answer.Dims > 0 ? answer.Dims : null,
            LatencyMs = Math.Max(0, answer.LatencyMs),
            Checksum = answer.Checksum.Length > 0 ? answer.Checksum : null,
            MaxTokens = answer.MaxTokens > 0 ? answer.MaxTokens : null,
            Normalized = answer.HasNormalized ? answer.Normalized : null,
            Labels = answer.Labels.Count > 0 ? [.. answer.Labels.Order(StringComparer.Ordinal)] : null,
        };
    }

    /// <summary>As <see cref="TestAsync"/>, where not being able to ask is an outcome too.</summary>
    public async Task<ModelTest> TryTestAsync(Model model, ModelVersion version, CancellationToken cancellation)
    {
        try
        {
            return await TestAsync(model, version, cancellation);
        }
        catch (ApiException e)
        {
            return new ModelTest { Passed = false, Reason = Cut($"not tested: {e.Message}"), LatencyMs = 0 };
        }
    }

    /// <summary>Why a version that passed its test does not fit its major version; null when it does.</summary>
    public async Task<string?> MisfitAsync(
        string modelId, ModelVersion version, ModelTest test, CancellationToken cancellation)
    {
        if (version.Checksum is { } known && test.Checksum is { } now && known != now)
            return $"the model's file has changed since {version.Version} was registered; register it as a new version";
        var others = await store.VersionsOfMajorAsync(modelId, version.Major, cancellation);
        return others.Select(other => ModelPromises.Misfit(version, test, other))
            .FirstOrDefault(misfit => misfit is not null);
    }

    private static string Cut(string reason) =>
        reason.Length <= ReasonLengthMax ? reason : reason[..ReasonLengthMax] + "…";
}

/// <summary>What a test saw, as on the wire.</summary>
public sealed record ModelTest
{
    public required bool Passed { get; init; }

    /// <summary>Why it did not pass.</summary>
    public string? Reason { get; init; }

    public string? Kind { get; init; }

    public int? Dims { get; init; }

    public required double LatencyMs { get; init; }

    public string? Checksum { get; init; }

    public int? MaxTokens { get; init; }

    public bool? Normalized { get; init; }

    public IReadOnlyList<string>? Labels { get; init; }
}
