using System.Diagnostics.Metrics;

namespace Taishang.Core.Costs;

/// <summary>What budgets have to say, beside their states in the API.</summary>
internal sealed class CostMetrics : IDisposable
{
    public const string MeterName = "Taishang.Core.Costs";

    private readonly Meter _meter;
    private readonly Counter<long> _refused;
    private readonly Counter<long> _swept;
    private readonly Counter<long> _failures;

    public CostMetrics(IMeterFactory meters)
    {
        _meter = meters.Create(MeterName);
        _refused = _meter.CreateCounter<long>(
            "taishang.budget.refused", "{call}", "Calls that a budget refused, or would have refused in shadow mode.");
        _swept = _meter.CreateCounter<long>(
            "taishang.budget.holders.swept", "{process}", "Processes whose leased room was counted as spent.");
        _failures = _meter.CreateCounter<long>(
            "taishang.budget.exchange.failures", "{exchange}", "Writes of what was used that have to be tried again.");
    }

    public void Refused(Budget budget) => _refused.Add(
        1, KeyValuePair.Create<string, object?>("budget", budget.Name),
        KeyValuePair.Create<string, object?>("mode", budget.Mode));

    public void Swept(int count) => _swept.Add(count);

    public void Failed() => _failures.Add(1);

    public void Dispose() => _meter.Dispose();
}
