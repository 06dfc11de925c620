using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Taishang.Core.Api;

namespace Taishang.Core.Models;

/// <summary>Body of PUT /models/:id/aliases.</summary>
internal sealed record ModelAliasesBody
{
    public required List<ModelAliasBody> Aliases { get; init; }
}

/// <summary>One alias of it.</summary>
internal sealed record ModelAliasBody
{
    public required string Alias { get; init; }

    /// <summary>null removes, and has to be said.</summary>
    public required string? Version { get; init; }

    /// <summary>Absent: whatever stands; null: no such alias; else the version it leads to.</summary>
    public JsonElement ExpectedVersion { get; init; }
}

/// <summary>Body of PUT /models/:id/aliases/:alias.</summary>
internal sealed record ModelAliasSetBody
{
    public required string Version { get; init; }

    public JsonElement ExpectedVersion { get; init; }
}

/// <summary>What a change of aliases may ask for.</summary>
internal static class ModelAliasRules
{
    private const string Expected = "expected_version";

    /// <exception cref="ApiException">With every broken rule.</exception>
    public static IReadOnlyList<ModelAliasChange> Check(ModelAliasesBody body)
    {
        var errors = new FieldErrors();
        if (body.Aliases.Count is 0 or > ModelAlias.OfModelMax)
            errors.Add(
                ErrorCodes.InvalidArgument, "aliases",
                $"expected 1 to {ModelAlias.OfModelMax} aliases, came {body.Aliases.Count}");
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var changes = new List<ModelAliasChange>();
        foreach (var (i, alias) in body.Aliases.Take(ModelAlias.OfModelMax).Index())
        {
            var path = $"aliases[{i}]";
            if (alias is null)
            {
                errors.Add(ErrorCodes.WrongType, path, "expected an object, came null");
                continue;
            }

            CheckAlias(errors, $"{path}.alias", alias.Alias);
            if (!seen.Add(alias.Alias))
                errors.Add(ErrorCodes.InvalidArgument, $"{path}.alias", $"given twice: '{Cut(alias.Alias)}'");
            if (alias.Version is { } version) CheckVersion(errors, $"{path}.version", version);
            var expected = ReadExpected(errors, $"{path}.{Expected}", alias.ExpectedVersion);
            changes.Add(new ModelAliasChange(alias.Alias, alias.Version, expected));
        }

        errors.ThrowIfAny();
        return changes;
    }

    /// <exception cref="ApiException">With every broken rule.</exception>
    public static ModelAliasChange Check(string alias, ModelAliasSetBody body)
    {
        var errors = new FieldErrors();
        CheckAlias(errors, "alias", alias);
        CheckVersion(errors, "version", body.Version);
        var expected = ReadExpected(errors, Expected, body.ExpectedVersion);
        errors.ThrowIfAny();
        return new ModelAliasChange(alias, body.Version, expected);
    }

    /// <summary>A removal, with <c>expected_version</c> in the query.</summary>
    /// <exception cref="ApiException">Another parameter, or no version.</exception>
    public static ModelAliasChange CheckRemoval(string alias, IQueryCollection query)
    {
        if (!ModelReference.IsAlias(alias)) throw NotFound(alias);
        var errors = new FieldErrors();
        AliasExpectation? expected = null;
        foreach (var (name, values) in query)
        {
            if (name != Expected)
            {
                errors.Add(ErrorCodes.UnknownField, name, $"expected {Expected}");
                continue;
            }

            var version = values.ToString();
            CheckVersion(errors, Expected, version);
            expected = new AliasExpectation(version);
        }

        errors.ThrowIfAny();
        return new ModelAliasChange(alias, null, expected);
    }

    public static ApiException NotFound(string alias) => new(
        ErrorCodes.ModelAliasNotFound, $"{ErrorCodes.ModelAliasNotFound.Message}: '{Cut(alias)}'");

    private static AliasExpectation? ReadExpected(FieldErrors errors, string path, JsonElement given)
    {
        switch (given.ValueKind)
        {
            case JsonValueKind.Undefined:
                return null;
            case JsonValueKind.Null:
                return new AliasExpectation(null);
            case JsonValueKind.String:
                var version = given.GetString() ?? "";
                CheckVersion(errors, path, version);
                return new AliasExpectation(version);
            default:
                errors.Add(ErrorCodes.WrongType, path, $"expected a version or null, came {given.ValueKind}");
                return null;
        }
    }

    private static void CheckAlias(FieldErrors errors, string path, string alias)
    {
        if (!ModelReference.IsAlias(alias))
            errors.Add(
                ErrorCodes.ModelInvalid, path,
                $"expected {ModelReference.AliasPatternText}, came '{Cut(alias)}'");
    }

    private static void CheckVersion(FieldErrors errors, string path, string version)
    {
        if (!ModelVersions.TryParse(version, out _))
            errors.Add(
                ErrorCodes.ModelInvalid, path, $"expected a semantic version such as 1.0.0, came '{Cut(version)}'");
    }

    private static string Cut(string text) => text.Length <= 40 ? text : text[..40] + "…";
}
