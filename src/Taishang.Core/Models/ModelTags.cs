using System.Text.RegularExpressions;
using Taishang.Core.Api;

namespace Taishang.Core.Models;

/// <summary>Body of PUT /models/:id/tags: all tags that the model has from then on.</summary>
internal sealed record ModelTagsBody
{
    public required Dictionary<string, string> Tags { get; init; }
}

/// <summary>What tags may be, and how a list is narrowed by one.</summary>
internal static partial class ModelTags
{
    public const int CountMax = 50;
    public const int ValueLengthMax = 200;

    private const string KeyRule = "^[a-z][a-z0-9_.-]{0,49}$";

    /// <exception cref="ApiException">With every broken rule.</exception>
    public static void Check(ModelTagsBody body)
    {
        var errors = new FieldErrors();
        if (body.Tags.Count > CountMax)
            errors.Add(ErrorCodes.ModelInvalid, "tags", $"expected at most {CountMax}, came {body.Tags.Count}");
        foreach (var (key, value) in body.Tags.Take(CountMax))
        {
            if (!KeyPattern().IsMatch(key))
                errors.Add(ErrorCodes.ModelInvalid, "tags", $"expected keys of {KeyRule}, came '{Cut(key)}'");
            else if (value is null)
                errors.Add(ErrorCodes.WrongType, $"tags.{key}", "expected a string, came null");
            else
                ModelText.Check(errors, $"tags.{key}", value, ValueLengthMax);
        }

        errors.ThrowIfAny();
    }

    /// <summary>A filter <c>key</c> or <c>key:value</c>; both null when there is none.</summary>
    /// <exception cref="ApiException">No such key can exist.</exception>
    public static (string? Key, string? Value) ReadFilter(ListQuery query)
    {
        if (query.Filter("tag") is not { } tag) return (null, null);
        var colon = tag.IndexOf(':', StringComparison.Ordinal);
        var key = colon < 0 ? tag : tag[..colon];
        if (KeyPattern().IsMatch(key)) return (key, colon < 0 ? null : tag[(colon + 1)..]);
        var why = $"expected key or key:value with a key of {KeyRule}, came '{Cut(tag)}'";
        throw new ApiException(ErrorCodes.InvalidArgument, $"tag: {why}",
            [new FieldError("tag", ErrorCodes.InvalidArgument.Number, why)]);
    }

    private static string Cut(string text) => text.Length <= 40 ? text : text[..40] + "…";

    // No character of it means anything in a path into JSON once it is quoted.
    [GeneratedRegex(@"\A[a-z][a-z0-9_.-]{0,49}\z", RegexOptions.NonBacktracking)]
    private static partial Regex KeyPattern();
}
