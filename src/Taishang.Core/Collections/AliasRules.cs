using Taishang.Core.Api;

namespace Taishang.Core.Collections;

/// <summary>Body of POST /collection_aliases.</summary>
internal sealed class SwitchAliasesBody
{
    public required List<AliasBody> Aliases { get; init; }
}

/// <summary>One alias of it.</summary>
internal sealed class AliasBody
{
    public required string Alias { get; init; }

    /// <summary>Name, id or alias; null removes, and has to be said.</summary>
    public required string? Collection { get; init; }
}

/// <summary>What a switch of aliases may ask for.</summary>
internal static class AliasRules
{
    /// <exception cref="ApiException">With every broken rule.</exception>
    public static IReadOnlyList<AliasChange> Check(SwitchAliasesBody body)
    {
        var errors = new FieldErrors();
        if (body.Aliases.Count is 0 or > Alias.ChangesMax)
            errors.Add(
                ErrorCodes.InvalidArgument, "aliases",
                $"expected 1 to {Alias.ChangesMax} aliases, came {body.Aliases.Count}");
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (i, change) in body.Aliases.Take(Alias.ChangesMax).Index())
        {
            if (change is null)
                errors.Add(ErrorCodes.WrongType, $"aliases[{i}]", "expected an object, came null");
            else
                Check(errors, $"aliases[{i}]", change, seen);
        }

        errors.ThrowIfAny();
        return body.Aliases.ConvertAll(change => new AliasChange(change.Alias, change.Collection));
    }

    public static ApiException NotFound(string alias) => new(
        ErrorCodes.AliasNotFound, $"{ErrorCodes.AliasNotFound.Message}: '{Cut(alias)}'");

    private static void Check(FieldErrors errors, string path, AliasBody change, HashSet<string> seen)
    {
        if (!Collection.IsName(change.Alias))
            errors.Add(
                ErrorCodes.CollectionParameter, $"{path}.alias",
                $"expected {Collection.NamePattern}, came '{Cut(change.Alias)}'");
        else if (!seen.Add(change.Alias))
            errors.Add(ErrorCodes.InvalidArgument, $"{path}.alias", $"given twice: '{change.Alias}'");
        if (change.Collection is { Length: 0 or > Collection.ReferenceCharactersMax } reference)
            errors.Add(
                ErrorCodes.InvalidArgument, $"{path}.collection",
                $"expected 1 to {Collection.ReferenceCharactersMax} characters, came {reference.Length}");
    }

    private static string Cut(string text) => text.Length <= 40 ? text : text[..40] + "…";
}
