namespace Taishang.Core.Alerts;

/// <summary>
/// How a rule moves: ok → pending while the condition holds, → firing once it has held for long enough, → ok when it no
/// longer holds, which resolves what fired.
/// </summary>
internal static class AlertStates
{
    /// <summary>The state after an evaluation, and the event that it is; null for none.</summary>
    public static (string State, string? Event) Next(Alert alert, double? value, DateTimeOffset now)
    {
        if (!Holds(alert, value))
            return (AlertWords.Ok, alert.State == AlertWords.Firing ? AlertWords.Resolved : null);
        return alert.State switch
        {
            AlertWords.Firing => (AlertWords.Firing, null),
            AlertWords.Pending when now - alert.StateSince >= TimeSpan.FromSeconds(alert.ForSeconds) =>
                (AlertWords.Firing, AlertWords.Firing),
            AlertWords.Ok when alert.ForSeconds == 0 => (AlertWords.Firing, AlertWords.Firing),
            _ => (AlertWords.Pending, null),
        };
    }

    public static string Explain(Alert alert, double? value) => value is null
        ? $"{alert.Metric}: nothing to measure in {alert.WindowSeconds} s"
        : $"{alert.Metric}{(alert.Type is null ? "" : $" of {alert.Type}")} is {value:0.######}, the rule fires"
            + $" {alert.Comparison} {alert.Threshold:0.######}";

    private static bool Holds(Alert alert, double? value) => value is { } known
        && (alert.Comparison == AlertWords.Above ? known > alert.Threshold : known < alert.Threshold);
}
