using System.Text.Json;
using Taishang.Ai.Models;
using Taishang.Contracts.Ai.V1;

namespace Taishang.Ai.Remote;

/// <summary>
/// What a model of provider remote stands for: which worker, and what that one is asked for. Configuration: target
/// {provider, model, version, endpoint, config}, timeout_ms, connect_timeout_ms, headers (sent as metadata).
/// </summary>
internal sealed record RemoteTarget
{
    public required Uri Address { get; init; }

    public required ModelSpec Spec { get; init; }

    /// <summary>Milliseconds for an answer; of a stream, for each of its pieces.</summary>
    public required int TimeoutMs { get; init; }

    public required int ConnectTimeoutMs { get; init; }

    public required IReadOnlyDictionary<string, string> Headers { get; init; }

    /// <exception cref="ModelException">Of kind InvalidConfig.</exception>
    public static RemoteTarget Read(ModelReference reference, ModelOptions options)
    {
        ModelConfig config = ModelConfig.Parse(reference);
        if (reference.Endpoint.Length == 0)
        {
            throw new ModelException(
                ModelErrorKind.InvalidConfig, "endpoint: the address of the other worker is expected, none came.");
        }
        return new RemoteTarget
        {
            Address = EndpointRule.Parse(reference.Endpoint),
            Spec = SpecOf(config, reference.Checksum),
            TimeoutMs = OpenAiSettings.TimeoutOf(config, options),
            ConnectTimeoutMs = OpenAiSettings.ConnectTimeoutOf(config, options),
            Headers = OpenAiSettings.HeadersOf(config),
        };
    }

    // The target's config may hold a secret.
    public override string ToString() => $"{Address} {Spec.Provider}/{Spec.Name}";

    private static ModelSpec SpecOf(ModelConfig config, string checksum)
    {
        JsonElement target = config.Object("target") ?? throw Invalid("target", "an object is expected");
        return new ModelSpec
        {
            Provider = Text(target, "provider")
                ?? throw Invalid("target.provider", "the name of a provider is expected"),
            Name = Text(target, "model") ?? config.ModelName,
            Version = Text(target, "version") ?? "",
            // What is kept of a file came from the worker that has it.
            Checksum = checksum,
            Endpoint = Text(target, "endpoint") ?? "",
            ConfigJson = !target.TryGetProperty("config", out JsonElement inner) ? ""
                : inner.ValueKind == JsonValueKind.Object ? inner.GetRawText()
                : throw Invalid("target.config", "an object is expected"),
        };
    }

    private static string? Text(JsonElement target, string name)
    {
        if (!target.TryGetProperty(name, out JsonElement value) || value.ValueKind == JsonValueKind.Null) return null;
        return value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text
            ? text
            : throw Invalid($"target.{name}", "a text is expected");
    }

    private static ModelException Invalid(string field, string reason) =>
        new(ModelErrorKind.InvalidConfig, $"config.{field}: {reason}.");
}
