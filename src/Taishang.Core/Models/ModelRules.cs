using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Taishang.Core.Api;

namespace Taishang.Core.Models;

/// <summary>What a registration must keep to; every broken rule is told at once.</summary>
internal static partial class ModelRules
{
    public const int NameLengthMax = 100;
    public const int ProviderLengthMax = 50;
    public const int ConfigBytesMax = 64 << 10;

    /// <summary>Retirements further away are typing mistakes.</summary>
    private static readonly TimeSpan RetirementMax = TimeSpan.FromDays(36_525);

    /// <returns>The major version.</returns>
    public static int Check(ModelCreate body)
    {
        var errors = new FieldErrors();
        if (body.Name.Length > NameLengthMax || !NamePattern().IsMatch(body.Name))
            Add(errors, "name", $"expected 1–{NameLengthMax} of A–Z a–z 0–9 . _ : / @ + - from a letter or digit on,"
                + $" came {Quote(body.Name)}");
        if (body.Provider.Length > ProviderLengthMax || !ProviderPattern().IsMatch(body.Provider))
            Add(errors, "provider", $"expected 1–{ProviderLengthMax} of a–z 0–9 _ - from a letter on, came"
                + $" {Quote(body.Provider)}");
        if (body.Status is not (null or ModelStatus.Active or ModelStatus.Inactive))
            Add(errors, "status", $"expected active or inactive, came {Quote(body.Status)}");
        var major = CheckVersion(errors, body.Version);
        if (CheckConfig(errors, body.Config) is { } config) ModelConfigSchema.Check(errors, body.Provider, config);
        errors.ThrowIfAny();
        return major;
    }

    /// <returns>The major version. The config is checked by itself, once it is known whose it is.</returns>
    public static int Check(ModelUpdate body)
    {
        var errors = new FieldErrors();
        var major = CheckVersion(errors, body.Version);
        CheckConfig(errors, body.Config);
        errors.ThrowIfAny();
        return major;
    }

    public static void Check(ModelRollback body)
    {
        var errors = new FieldErrors();
        CheckVersion(errors, body.Version);
        errors.ThrowIfAny();
    }

    public static void CheckRetirement(DateTimeOffset retireAt, DateTimeOffset now)
    {
        var errors = new FieldErrors();
        if (retireAt <= now || retireAt > now + RetirementMax)
            Add(errors, "retire_at",
                $"expected a time from now to a hundred years on, came {UtcTimeConverter.Text(retireAt)}");
        errors.ThrowIfAny();
    }

    public static JsonObject Object(JsonElement config) => JsonObject.Create(config)!;

    private static int CheckVersion(FieldErrors errors, string version)
    {
        if (ModelVersions.TryParse(version, out var major)) return major;
        Add(errors, "version", $"expected a semantic version such as 1.0.0 of at most {ModelVersions.LengthMax}"
            + $" characters, came {Quote(version)}");
        return 0;
    }

    /// <returns>The config when it is an object of a size that is taken.</returns>
    private static JsonElement? CheckConfig(FieldErrors errors, JsonElement? config)
    {
        if (config is not { } given) return null;
        if (given.ValueKind != JsonValueKind.Object)
            errors.Add(ErrorCodes.WrongType, "config", "expected an object");
        else if (Encoding.UTF8.GetByteCount(given.GetRawText()) > ConfigBytesMax)
            Add(errors, "config", $"expected at most {ConfigBytesMax} bytes");
        else
            return given;
        return null;
    }

    private static void Add(FieldErrors errors, string field, string message) =>
        errors.Add(ErrorCodes.ModelInvalid, field, message);

    private static string Quote(string text) => text.Length <= 40 ? $"'{text}'" : $"'{text[..40]}…'";

    // Anchored, without backtracking, over text of bounded length.
    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._:/@+-]*\z", RegexOptions.NonBacktracking)]
    private static partial Regex NamePattern();

    [GeneratedRegex(@"\A[a-z][a-z0-9_-]*\z", RegexOptions.NonBacktracking)]
    private static partial Regex ProviderPattern();
}
