using System.Text.RegularExpressions;
using Taishang.Core.Api;

namespace Taishang.Core.Models;

/// <summary>What people should know of a model before they use it, as on the wire and in rows.</summary>
internal sealed partial record ModelCard
{
    public const int LicenceLengthMax = 100;
    public const int LanguagesMax = 200;
    public const int LanguageLengthMax = 35;
    public const int ProseLengthMax = 4_000;
    public const int LinksMax = 20;
    public const int LinkTitleLengthMax = 200;
    public const int LinkUrlLengthMax = 500;

    /// <summary>An SPDX expression where there is one.</summary>
    public string? Licence { get; init; }

    /// <summary>Tags of BCP 47, such as zh-Hans.</summary>
    public IReadOnlyList<string>? Languages { get; init; }

    public string? TrainingData { get; init; }

    public string? IntendedUse { get; init; }

    public string? Limitations { get; init; }

    public IReadOnlyList<ModelCardLink>? Links { get; init; }

    /// <exception cref="ApiException">With every broken rule.</exception>
    public void Check()
    {
        var errors = new FieldErrors();
        if (this == new ModelCard())
            errors.Add(
                ErrorCodes.MissingField, "",
                "expected at least one of licence, languages, training_data, intended_use, limitations, links");
        CheckText(errors, "licence", Licence, LicenceLengthMax);
        CheckText(errors, "training_data", TrainingData, ProseLengthMax);
        CheckText(errors, "intended_use", IntendedUse, ProseLengthMax);
        CheckText(errors, "limitations", Limitations, ProseLengthMax);
        CheckCount(errors, "languages", Languages?.Count, LanguagesMax);
        foreach (var (i, language) in (Languages ?? []).Take(LanguagesMax).Index())
        {
            if (language is null || language.Length > LanguageLengthMax || !LanguagePattern().IsMatch(language))
                errors.Add(ErrorCodes.ModelInvalid, $"languages[{i}]", "expected a language tag such as en or zh-Hans");
        }

        CheckCount(errors, "links", Links?.Count, LinksMax);
        foreach (var (i, link) in (Links ?? []).Take(LinksMax).Index()) CheckLink(errors, $"links[{i}]", link);
        errors.ThrowIfAny();
    }

    private static void CheckLink(FieldErrors errors, string path, ModelCardLink? link)
    {
        if (link is null)
        {
            errors.Add(ErrorCodes.WrongType, path, "expected an object, came null");
            return;
        }

        CheckText(errors, $"{path}.title", link.Title, LinkTitleLengthMax);
        if (link.Url.Length > LinkUrlLengthMax || !Uri.TryCreate(link.Url, UriKind.Absolute, out var url)
            || url.Scheme is not ("http" or "https"))
            errors.Add(
                ErrorCodes.ModelInvalid, $"{path}.url",
                $"expected an http or https address of at most {LinkUrlLengthMax} characters");
    }

    private static void CheckCount(FieldErrors errors, string field, int? count, int max)
    {
        if (count is 0 || count > max)
            errors.Add(ErrorCodes.ModelInvalid, field, $"expected 1 to {max}, came {count}");
    }

    private static void CheckText(FieldErrors errors, string field, string? text, int max) =>
        ModelText.Check(errors, field, text, max);

    [GeneratedRegex(
        @"\A[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*\z", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex LanguagePattern();
}

internal sealed record ModelCardLink
{
    public required string Title { get; init; }

    public required string Url { get; init; }
}
