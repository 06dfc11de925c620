using Taishang.Core.Api;

namespace Taishang.Core.Alerts;

/// <summary>The body of POST /alerts, and of PUT /alerts/:id, which replaces the whole rule.</summary>
internal sealed record AlertRequest
{
    public required string Name { get; init; }

    public string? Description { get; init; }

    public string Kind { get; init; } = AlertWords.Threshold;

    public required string Metric { get; init; }

    public string? Type { get; init; }

    public string Comparison { get; init; } = AlertWords.Above;

    public required double Threshold { get; init; }

    public double? Objective { get; init; }

    public int WindowSeconds { get; init; } = 300;

    public int ForSeconds { get; init; }

    public AlertWebhook? Webhook { get; init; }

    public bool Paused { get; init; }
}

/// <param name="Secret">16–256 characters; absent in a change keeps the one that is stored.</param>
internal sealed record AlertWebhook(string Url, string? Secret = null);

/// <summary>Checks a rule against the limits.</summary>
internal static class AlertRequests
{
    public const int WindowSecondsMin = 60;
    public const int WindowSecondsMax = 86_400;
    public const int ForSecondsMax = 86_400;
    public const int SecretCharactersMin = 16;
    public const int SecretCharactersMax = 256;

    private const int NameCharactersMax = 100;
    private const int DescriptionCharactersMax = 500;
    private const int TypeCharactersMax = 50;

    public static void Check(AlertRequest body, bool secretIsStored)
    {
        var errors = new FieldErrors();
        Text(errors, "name", body.Name, 1, NameCharactersMax);
        if (body.Description is not null) Text(errors, "description", body.Description, 0, DescriptionCharactersMax);
        if (body.Type is not null) Text(errors, "type", body.Type, 1, TypeCharactersMax);
        Word(errors, "kind", body.Kind, AlertWords.Threshold, AlertWords.BurnRate);
        Word(errors, "comparison", body.Comparison, AlertWords.Above, AlertWords.Below);
        Word(errors, "metric", body.Metric, [.. AlertMetrics.Names]);
        Range(errors, "window_seconds", body.WindowSeconds, WindowSecondsMin, WindowSecondsMax);
        Range(errors, "for_seconds", body.ForSeconds, 0, ForSecondsMax);
        if (body.Metric == AlertMetrics.BudgetUsed) CheckBudget(errors, body);
        if (body.Kind == AlertWords.BurnRate) CheckBurnRate(errors, body);
        else if (body.Objective is not null) Add(errors, "objective", "expected only with kind burn_rate");
        if (body.Webhook is { } webhook) CheckSecret(errors, webhook.Secret, secretIsStored);
        errors.ThrowIfAny();
    }

    private static void CheckBudget(FieldErrors errors, AlertRequest body)
    {
        if (body.Comparison != AlertWords.Above)
            Add(errors, "comparison", $"expected above with {AlertMetrics.BudgetUsed}");
        if (body.ForSeconds != 0) Add(errors, "for_seconds", $"expected 0 with {AlertMetrics.BudgetUsed}");
    }

    private static void CheckBurnRate(FieldErrors errors, AlertRequest body)
    {
        if (body.Metric != AlertMetrics.FailureRate)
            Add(errors, "metric", $"expected {AlertMetrics.FailureRate}, which alone has a budget to burn");
        if (body.Comparison != AlertWords.Above) Add(errors, "comparison", "expected above with kind burn_rate");
        if (body.Objective is not (> 0 and < 1))
            Add(errors, "objective", "expected a share between 0 and 1, such as 0.99");
        if (body.Threshold <= 0) Add(errors, "threshold", "expected a factor above 0");
    }

    private static void CheckSecret(FieldErrors errors, string? secret, bool stored)
    {
        if (secret is null && stored) return;
        if (secret is not { Length: >= SecretCharactersMin and <= SecretCharactersMax })
            Add(errors, "webhook.secret", $"expected {SecretCharactersMin} to {SecretCharactersMax} characters");
    }

    private static void Text(FieldErrors errors, string field, string text, int min, int max)
    {
        if (text.Length < min || text.Length > max || text.Any(char.IsControl))
            Add(errors, field, $"expected {min} to {max} characters without control characters");
    }

    private static void Word(FieldErrors errors, string field, string word, params string[] words)
    {
        if (!words.Contains(word)) Add(errors, field, $"expected one of {string.Join(", ", words)}");
    }

    private static void Range(FieldErrors errors, string field, long value, long min, long max)
    {
        if (value < min || value > max) Add(errors, field, $"expected {min} to {max}, came {value}");
    }

    private static void Add(FieldErrors errors, string field, string why) =>
        errors.Add(ErrorCodes.InvalidArgument, field, why);
}
