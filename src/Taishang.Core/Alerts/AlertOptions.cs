namespace Taishang.Core.Alerts;

/// <summary>Alert rules and their webhooks: section <c>Alerts</c>. Checked at start.</summary>
public sealed class AlertOptions
{
    /// <summary>How often each rule is evaluated. Milliseconds, 100–3,600,000.</summary>
    public int IntervalMs { get; set; } = 10_000;

    /// <summary>How often due rules and webhooks are looked for. Milliseconds, 10–60,000.</summary>
    public int PollMs { get; set; } = 1_000;

    /// <summary>How long a receiver may take to answer. Milliseconds, 100–60,000.</summary>
    public int WebhookTimeoutMs { get; set; } = 10_000;

    /// <summary>Times that a webhook is tried before it is given up. 1–100.</summary>
    public int WebhookAttempts { get; set; } = 10;

    /// <summary>Bound of the pause after the first failure; doubles with each. Milliseconds, 0–3,600,000.</summary>
    public int WebhookBackoffBaseMs { get; set; } = 2_000;

    /// <summary>The pause never exceeds this, whatever a receiver asks for. Milliseconds, 0–86,400,000.</summary>
    public int WebhookBackoffMaxMs { get; set; } = 900_000;

    /// <summary>How long events and sent webhooks are kept. Days, 1–3,660.</summary>
    public int KeepDays { get; set; } = 90;

    /// <summary>Null when every value is in its range, else what is wrong.</summary>
    internal string? Problem() =>
        Outside(IntervalMs, 100, 3_600_000, nameof(IntervalMs))
        ?? Outside(PollMs, 10, 60_000, nameof(PollMs))
        ?? Outside(WebhookTimeoutMs, 100, 60_000, nameof(WebhookTimeoutMs))
        ?? Outside(WebhookAttempts, 1, 100, nameof(WebhookAttempts))
        ?? Outside(WebhookBackoffBaseMs, 0, 3_600_000, nameof(WebhookBackoffBaseMs))
        ?? Outside(WebhookBackoffMaxMs, WebhookBackoffBaseMs, 86_400_000, nameof(WebhookBackoffMaxMs))
        ?? Outside(KeepDays, 1, 3_660, nameof(KeepDays));

    private static string? Outside(int value, int least, int most, string name) =>
        value >= least && value <= most ? null : $"Alerts:{name}: expected {least} to {most}, came {value}";
}
