namespace Taishang.Ai.Models;

/// <summary>
/// Names a model to load, as a caller registered it. Two equal references are one loaded model.
/// </summary>
/// <param name="Provider">builtin, onnx, openai or remote.</param>
/// <param name="Name">The registered name; the provider's own name where the configuration gives no "model".</param>
/// <param name="Version">The registered version, semver; empty takes whatever the provider has.</param>
/// <param name="Endpoint">Address of a remote provider; empty for those that run here.</param>
/// <param name="ConfigJson">The provider's options as a JSON object; empty for none.</param>
/// <param name="Checksum">SHA-256 of the model's file that was registered, in hexadecimal; empty takes the file that
/// is there.</param>
internal sealed record ModelReference(
    string Provider, string Name, string Version = "", string Endpoint = "", string ConfigJson = "",
    string Checksum = "")
{
    /// <summary>The embedder that needs nothing but this program.</summary>
    public static ModelReference Default { get; } = new("builtin", "taishang-embed");

    // The configuration may hold a secret, and records print themselves into logs.
    public override string ToString() => $"{Provider}/{Name}@{(Version.Length == 0 ? "*" : Version)}";
}
