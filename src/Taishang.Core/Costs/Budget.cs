namespace Taishang.Core.Costs;

/// <summary>A row of tai_budgets: what may be used in a day or month. null is anybody or anything.</summary>
internal sealed record Budget
{
    public string Id { get; init; } = "";

    public string Name { get; init; } = "";

    public string? Description { get; init; }

    public string? Tenant { get; init; }

    public string? KeyId { get; init; }

    /// <summary><c>provider/name</c>.</summary>
    public string? Model { get; init; }

    /// <summary>Its name.</summary>
    public string? Route { get; init; }

    public string Unit { get; init; } = BudgetWords.Tokens;

    /// <summary>Of money alone.</summary>
    public string? Currency { get; init; }

    public string Period { get; init; } = BudgetWords.Day;

    /// <summary>In tokens, calls or billionths of the currency.</summary>
    public long LimitUnits { get; init; }

    public string Mode { get; init; } = BudgetWords.Enforce;

    /// <summary>What becomes of calls that a budget of money can not count.</summary>
    public string Uncounted { get; init; } = BudgetWords.Allow;

    /// <summary>Per cent, ascending, separated by commas.</summary>
    public string Thresholds { get; init; } = "";

    public DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset UpdatedAt { get; init; }

    public bool IsShadow => Mode == BudgetWords.Shadow;

    public bool Covers(string tenant, string keyId, string? route) =>
        (Tenant is null || Tenant == tenant) && (KeyId is null || KeyId == keyId) && (Route is null || Route == route);

    public int[] ReadThresholds() => ReadThresholds(Thresholds);

    public static int[] ReadThresholds(string text) =>
        [.. text.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)];
}

/// <summary>Words of budgets.</summary>
internal static class BudgetWords
{
    public const string Tokens = "tokens";
    public const string Calls = "calls";
    public const string Money = "money";
    public const string Day = "day";
    public const string Month = "month";
    public const string Enforce = "enforce";
    public const string Shadow = "shadow";
    public const string Allow = "allow";
    public const string Refuse = "refuse";
}
