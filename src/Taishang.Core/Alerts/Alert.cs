namespace Taishang.Core.Alerts;

/// <summary>A row of tai_alerts.</summary>
internal sealed record Alert
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    public string? Description { get; init; }

    public required string Kind { get; init; }

    public required string Metric { get; init; }

    /// <summary>Of tasks; null for all.</summary>
    public string? Type { get; init; }

    public required string Comparison { get; init; }

    public double Threshold { get; init; }

    public double? Objective { get; init; }

    public int WindowSeconds { get; init; }

    public int ForSeconds { get; init; }

    public string? WebhookUrl { get; init; }

    /// <summary>Sealed.</summary>
    public string? WebhookSecret { get; init; }

    public bool Paused { get; init; }

    public required string State { get; init; }

    public DateTimeOffset StateSince { get; init; }

    public double? LastValue { get; init; }

    public DateTimeOffset? EvaluatedAt { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset UpdatedAt { get; init; }
}

/// <summary>Words of a rule.</summary>
internal static class AlertWords
{
    public const string Threshold = "threshold";
    public const string BurnRate = "burn_rate";
    public const string Above = "above";
    public const string Below = "below";
    public const string Ok = "ok";
    public const string Pending = "pending";
    public const string Firing = "firing";
    public const string Resolved = "resolved";
    public const string Test = "test";
}

/// <summary>The rule as the API shows it; the secret of its webhook is not shown.</summary>
internal sealed record AlertView(string Id, string Name, string? Description, string Kind, string Metric, string? Type)
{
    public required string Comparison { get; init; }

    public double Threshold { get; init; }

    public double? Objective { get; init; }

    public int WindowSeconds { get; init; }

    public int ForSeconds { get; init; }

    public AlertWebhookView? Webhook { get; init; }

    public bool Paused { get; init; }

    public required string State { get; init; }

    public DateTimeOffset StateSince { get; init; }

    public double? LastValue { get; init; }

    public DateTimeOffset? EvaluatedAt { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset UpdatedAt { get; init; }

    public static AlertView Of(Alert alert) => new(
        alert.Id, alert.Name, alert.Description, alert.Kind, alert.Metric, alert.Type)
    {
        Comparison = alert.Comparison,
        Threshold = alert.Threshold,
        Objective = alert.Objective,
        WindowSeconds = alert.WindowSeconds,
        ForSeconds = alert.ForSeconds,
        Webhook = alert.WebhookUrl is null ? null : new AlertWebhookView(alert.WebhookUrl),
        Paused = alert.Paused,
        State = alert.State,
        StateSince = alert.StateSince,
        LastValue = alert.LastValue,
        EvaluatedAt = alert.EvaluatedAt,
        CreatedAt = alert.CreatedAt,
        UpdatedAt = alert.UpdatedAt,
    };
}

/// <summary>Where a rule's webhook goes.</summary>
internal sealed record AlertWebhookView(string Url);

/// <summary>A row of tai_alert_events: a rule fired or was resolved.</summary>
internal sealed record AlertEvent(
    string Id, string AlertId, string Event, double? Value, string Reason, DateTimeOffset CreatedAt)
{
    /// <summary>For rows.</summary>
    private AlertEvent()
        : this("", "", "", null, "", default)
    {
    }
}

/// <summary>A row of tai_alert_deliveries: a webhook that was or is to be sent.</summary>
internal sealed record AlertDelivery
{
    public required string Id { get; init; }

    public required string AlertId { get; init; }

    public required string Event { get; init; }

    public required string Body { get; init; }

    public required string Status { get; init; }

    public int Attempts { get; init; }

    public int? HttpStatus { get; init; }

    public string? LastError { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset UpdatedAt { get; init; }
}

/// <summary>The delivery as the API shows it.</summary>
internal sealed record AlertDeliveryView(
    string Id, string AlertId, string Event, string Status, int Attempts, int? HttpStatus, string? LastError,
    DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
{
    public static AlertDeliveryView Of(AlertDelivery row) => new(
        row.Id, row.AlertId, row.Event, row.Status, row.Attempts, row.HttpStatus, row.LastError, row.CreatedAt,
        row.UpdatedAt);
}
