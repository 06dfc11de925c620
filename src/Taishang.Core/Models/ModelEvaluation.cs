using System.Text.Json;
using System.Text.RegularExpressions;
using Taishang.Core.Api;

namespace Taishang.Core.Models;

/// <summary>What was measured of one version of a model.</summary>
internal sealed record ModelEvaluation
{
    public const string ByTask = "task";
    public const string ByHand = "hand";

    public string Id { get; init; } = "";

    public string ModelId { get; init; } = "";

    public string Version { get; init; } = "";

    /// <summary><see cref="ByTask"/> or <see cref="ByHand"/>.</summary>
    public string Source { get; init; } = ByHand;

    public string? TaskId { get; init; }

    /// <summary>Whose rows were searched; it may be gone by now.</summary>
    public string? CollectionId { get; init; }

    public string? Dataset { get; init; }

    /// <summary>A JSON object of numbers.</summary>
    public string Metrics { get; init; } = "{}";

    public string? Notes { get; init; }

    public DateTimeOffset CreatedAt { get; init; }
}

/// <summary>Body of POST /models/:id/evaluations.</summary>
internal sealed partial record ModelEvaluationBody
{
    public const int MetricsMax = 50;
    public const int DatasetLengthMax = 200;
    public const int NotesLengthMax = 4_000;

    private const string MetricRule = "^[a-z][a-z0-9_.@-]{0,49}$";

    /// <summary>A version or an alias; null for the current version.</summary>
    public string? Version { get; init; }

    public required Dictionary<string, double> Metrics { get; init; }

    public string? Dataset { get; init; }

    public string? Notes { get; init; }

    /// <exception cref="ApiException">With every broken rule.</exception>
    public void Check()
    {
        var errors = new FieldErrors();
        if (Version is { } version && !ModelReference.IsSelector(version))
            errors.Add(ErrorCodes.ModelInvalid, "version", "expected a version such as 1.0.0 or an alias of one");
        if (Metrics.Count is 0 or > MetricsMax)
            errors.Add(
                ErrorCodes.ModelInvalid, "metrics", $"expected 1 to {MetricsMax} measures, came {Metrics.Count}");
        foreach (var (name, _) in Metrics.Take(MetricsMax))
        {
            if (!MetricPattern().IsMatch(name))
                errors.Add(ErrorCodes.ModelInvalid, "metrics", $"expected names of {MetricRule}, came '{Cut(name)}'");
        }

        ModelText.Check(errors, "dataset", Dataset, DatasetLengthMax);
        ModelText.Check(errors, "notes", Notes, NotesLengthMax);
        errors.ThrowIfAny();
    }

    private static string Cut(string text) => text.Length <= 40 ? text : text[..40] + "…";

    [GeneratedRegex(@"\A[a-z][a-z0-9_.@-]{0,49}\z", RegexOptions.NonBacktracking)]
    private static partial Regex MetricPattern();
}

/// <summary>An evaluation on the wire.</summary>
internal sealed record ModelEvaluationAnswer(
    string Id, string ModelId, string Version, string Source, string? TaskId, string? CollectionId, string? Dataset,
    IReadOnlyDictionary<string, double> Metrics, string? Notes, DateTimeOffset CreatedAt)
{
    public static ModelEvaluationAnswer Of(ModelEvaluation row) => new(
        row.Id, row.ModelId, row.Version, row.Source, row.TaskId, row.CollectionId, row.Dataset,
        JsonSerializer.Deserialize<Dictionary<string, double>>(row.Metrics, ApiJson.Options) ?? [], row.Notes,
        row.CreatedAt);
}
