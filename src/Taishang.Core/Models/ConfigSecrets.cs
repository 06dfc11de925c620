using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Taishang.Core.Api;
using Taishang.Core.Security;

namespace Taishang.Core.Models;

/// <summary>
/// Secrets inside a config are write-only: sealed in the database, shown as <see cref="Mask"/>, opened only for the
/// worker. A field is a secret by its name, at any depth, and then its whole value is. Sending the mask back keeps the
/// secret that is stored.
/// </summary>
internal sealed class ConfigSecrets(SecretBox box)
{
    public const string Mask = "***";

    private static readonly string[] Names =
    [
        "apikey", "secret", "token", "password", "passwd", "authorization", "credential", "credentials", "privatekey",
        "accesskey", "secretkey",
    ];

    /// <summary>The config as it is stored.</summary>
    /// <param name="config">As the caller sent it.</param>
    /// <param name="stored">What the mask stands for; null for a new model.</param>
    /// <param name="modelId">Bound into each secret.</param>
    /// <exception cref="ApiException">A mask stands where no secret is stored.</exception>
    public string Seal(JsonObject config, string? stored, string modelId)
    {
        var kept = stored is null ? null : JsonNode.Parse(stored) as JsonObject;
        return ((JsonObject)Walk(config, kept, "config", (name, value, old) =>
        {
            if (!IsMask(value)) return JsonValue.Create(box.Seal(value?.ToJsonString() ?? "null", modelId));
            return old?.DeepClone() ?? throw new ApiException(
                ErrorCodes.ModelInvalid, $"{name}: expected a value, came the mask of a secret that is not stored",
                [new FieldError(name, ErrorCodes.ModelInvalid.Number, "no secret is stored that this stands for")]);
        })).ToJsonString(ApiJson.Options);
    }

    /// <summary>The config as callers see it.</summary>
    public static JsonObject Masked(string stored) =>
        (JsonObject)Walk(Object(stored), null, "config", static (_, _, _) => JsonValue.Create(Mask));

    /// <summary>The config as the worker needs it, a JSON object.</summary>
    /// <exception cref="ApiException">The secrets were sealed with another key.</exception>
    public string Open(string stored, string modelId)
    {
        try
        {
            return ((JsonObject)Walk(Object(stored), null, "config", (_, value, _) =>
                JsonNode.Parse(box.Unseal(value!.GetValue<string>(), modelId)))).ToJsonString(ApiJson.Options);
        }
        catch (CryptographicException e)
        {
            throw new ApiException(
                ErrorCodes.ModelIncompatible,
                "config: its secrets were stored under another key than this server's; add a version with them",
                inner: e);
        }
    }

    /// <summary>True when two stored configs hold the same, whatever the boxes look like.</summary>
    public bool Same(string stored, string other, string modelId) =>
        JsonNode.DeepEquals(JsonNode.Parse(Open(stored, modelId)), JsonNode.Parse(Open(other, modelId)));

    private static JsonObject Object(string stored) => (JsonObject)JsonNode.Parse(stored)!;

    private static bool IsMask(JsonNode? value) =>
        value is JsonValue text && text.GetValueKind() == JsonValueKind.String && text.GetValue<string>() == Mask;

    private static bool IsSecret(string name)
    {
        var plain = name.Replace("_", "", StringComparison.Ordinal).Replace("-", "", StringComparison.Ordinal);
        return Array.Exists(Names, secret => plain.EndsWith(secret, StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>A copy in which each secret is replaced; depth is bounded by the parser's limit.</summary>
    private static JsonNode Walk(
        JsonNode node, JsonNode? old, string path, Func<string, JsonNode?, JsonNode?, JsonNode?> replace)
    {
        switch (node)
        {
            case JsonObject source:
                var copy = new JsonObject();
                foreach (var (name, value) in source)
                {
                    var before = (old as JsonObject)?[name];
                    var where = $"{path}.{name}";
                    copy[name] = IsSecret(name) ? replace(where, value, before)
                        : value is null ? null : Walk(value, before, where, replace);
                }

                return copy;
            case JsonArray source:
                var rows = new JsonArray();
                for (var i = 0; i < source.Count; i++)
                {
                    var before = old is JsonArray array && i < array.Count ? array[i] : null;
                    rows.Add(source[i] is { } item ? Walk(item, before, $"{path}[{i}]", replace) : null);
                }

                return rows;
            default:
                return node.DeepClone();
        }
    }
}
