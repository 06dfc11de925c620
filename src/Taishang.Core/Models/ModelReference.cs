using System.Text.RegularExpressions;

namespace Taishang.Core.Models;

/// <summary>
/// What a caller names a model by: id, <c>provider/name</c> or name, with <c>@alias</c> or <c>@1.2.0</c> behind it
/// where one version is meant. A name may hold '@' itself, so a reference is taken whole first.
/// </summary>
internal static partial class ModelReference
{
    /// <summary>Provider, slash, name, '@', alias: the longest that can mean anything.</summary>
    public const int LengthMax =
        ModelRules.ProviderLengthMax + 1 + ModelRules.NameLengthMax + 1 + ModelAlias.NameLengthMax;

    public const string AliasPatternText = "^[a-z][a-z0-9_-]{0,49}$";

    /// <summary>From a letter on, so that an alias is never taken for a version.</summary>
    public static bool IsAlias(string text) => AliasPattern().IsMatch(text);

    /// <summary>An alias, or a version.</summary>
    public static bool IsSelector(string text) => IsAlias(text) || ModelVersions.TryParse(text, out _);

    /// <summary>Cuts at the last '@'; false where nothing stands before it, or no selector behind it.</summary>
    public static bool TrySplit(string reference, out string model, out string selector)
    {
        var at = reference.LastIndexOf('@');
        (model, selector) = at <= 0 ? (reference, "") : (reference[..at], reference[(at + 1)..]);
        return at > 0 && IsSelector(selector);
    }

    // Anchored, without backtracking; the length is that of ModelAlias.NameLengthMax.
    [GeneratedRegex(@"\A[a-z][a-z0-9_-]{0,49}\z", RegexOptions.NonBacktracking)]
    private static partial Regex AliasPattern();
}
