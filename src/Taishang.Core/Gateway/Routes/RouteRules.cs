using System.Text.RegularExpressions;
using Taishang.Core.Api;
using Taishang.Core.Models;

namespace Taishang.Core.Gateway.Routes;

/// <summary>What a route may say.</summary>
internal static partial class RouteRules
{
    public const int NameLengthMax = 100;
    public const int RoutesMax = 1_000;
    public const int WeightMax = 1_000_000;

    /// <summary>Targets and fallbacks together: a call marks those that it has tried in the bits of one word.</summary>
    public const int TargetsMax = 32;

    private const int DescriptionLengthMax = 500;
    private const int WordsMax = 32;
    private const int LabelLengthMax = 100;
    private const int LengthMax = 100_000_000;

    public static bool IsName(string text) => NamePattern().IsMatch(text);

    public static void Check(RouteBody body)
    {
        var errors = new FieldErrors();
        if (!NamePattern().IsMatch(body.Name))
            Add(errors, "name",
                $"expected a letter or _ and at most {NameLengthMax - 1} letters, digits, dots, _ and -");
        if (body.Description is { Length: > DescriptionLengthMax })
            Add(errors, "description", $"expected at most {DescriptionLengthMax} characters");
        if (!RouteStrategies.All.Contains(body.Strategy))
            Add(errors, "strategy", $"expected one of {string.Join(", ", RouteStrategies.All)}");
        CheckTargets(errors, body);
        if (body.Shadow is { } shadow)
        {
            CheckReference(errors, "shadow.model", shadow.Model);
            if (shadow.Share is not (> 0 and <= 1)) Add(errors, "shadow.share", "expected above 0 to 1");
        }

        Range(errors, "cooldown.errors", body.Cooldown.Errors, 1, 1_000);
        Range(errors, "cooldown.window_ms", body.Cooldown.WindowMs, 100, 3_600_000);
        Range(errors, "cooldown.cooldown_ms", body.Cooldown.CooldownMs, 100, 3_600_000);
        Range(errors, "attempts_max", body.AttemptsMax, 1, TargetsMax);
        Range(errors, "timeout_ms", body.TimeoutMs, 10, 3_600_000);
        if (body.AttemptTimeoutMs is { } attempt) Range(errors, "attempt_timeout_ms", attempt, 10, body.TimeoutMs);
        Range(errors, "cache.ttl_seconds", body.Cache.TtlSeconds, 1, 2_592_000);
        errors.ThrowIfAny();
    }

    private static void CheckTargets(FieldErrors errors, RouteBody body)
    {
        var fallbacks = body.Fallbacks ?? [];
        if (body.Targets.Count == 0 || body.Targets.Count + fallbacks.Count > TargetsMax)
            Add(errors, "targets", $"expected 1 to {TargetsMax} together with the fallbacks,"
                + $" came {body.Targets.Count + fallbacks.Count}");
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < body.Targets.Count; i++) CheckTarget(errors, $"targets[{i}]", body.Targets[i], seen);
        for (var i = 0; i < fallbacks.Count; i++) CheckTarget(errors, $"fallbacks[{i}]", fallbacks[i], seen);
        if (body.Targets.Count > 0 && body.Targets.All(target => target?.Weight == 0))
            Add(errors, "targets", "expected at least one of a weight above 0");
    }

    private static void CheckTarget(FieldErrors errors, string path, RouteTargetSpec? target, HashSet<string> seen)
    {
        if (target is null)
        {
            errors.Add(ErrorCodes.WrongType, path, "expected an object, came null");
            return;
        }

        CheckReference(errors, $"{path}.model", target.Model);
        if (!seen.Add(target.Model)) Add(errors, $"{path}.model", $"'{Cut(target.Model)}' is there twice");
        Range(errors, $"{path}.weight", target.Weight, 0, WeightMax);
        if (target.When is not { } when) return;
        Words(errors, $"{path}.when.languages", when.Languages, CallTraits.LanguageLengthMax);
        Words(errors, $"{path}.when.labels", when.Labels, LabelLengthMax);
        if (when.LengthMin is { } min) Range(errors, $"{path}.when.length_min", min, 0, LengthMax);
        if (when.LengthMax is { } max) Range(errors, $"{path}.when.length_max", max, when.LengthMin ?? 0, LengthMax);
    }

    private static void CheckReference(FieldErrors errors, string path, string reference)
    {
        if (reference.Length is 0 or > ModelReference.LengthMax || reference.Any(char.IsControl))
            Add(errors, path, $"expected a model's reference of 1 to {ModelReference.LengthMax} characters");
    }

    private static void Words(FieldErrors errors, string path, IReadOnlyList<string>? words, int lengthMax)
    {
        if (words is null) return;
        if (words.Count is 0 or > WordsMax || words.Any(word => word is not { Length: > 0 } || word.Length > lengthMax
            || word.Contains(',', StringComparison.Ordinal) || word.Any(char.IsControl)))
            Add(errors, path, $"expected 1 to {WordsMax} words of 1 to {lengthMax} characters without commas");
    }

    private static void Range(FieldErrors errors, string path, long value, long lowest, long highest)
    {
        if (value < lowest || value > highest)
            Add(errors, path, $"expected {lowest} to {highest}, came {value}");
    }

    private static void Add(FieldErrors errors, string path, string why) =>
        errors.Add(ErrorCodes.ModelRouteInvalid, path, why);

    private static string Cut(string text) => text.Length <= 100 ? text : text[..100] + "…";

    // Ids begin with a digit for the next centuries, so that a name is never taken for one.
    [GeneratedRegex(@"\A[A-Za-z_][A-Za-z0-9_.-]{0,99}\z", RegexOptions.NonBacktracking)]
    private static partial Regex NamePattern();
}
