using Taishang.Core.Api;
using Taishang.Core.Gateway.Routes;

namespace Taishang.Core.Costs;

/// <summary>A row of tai_usage_corrections: what somebody has put right. An empty text is none.</summary>
internal sealed record UsageCorrection
{
    public string Id { get; init; } = "";

    /// <summary>Of a budget that was corrected alone.</summary>
    public string? BudgetId { get; init; }

    public string? Budget { get; init; }

    public DateTimeOffset At { get; init; }

    public string Tenant { get; init; } = "";

    public string KeyId { get; init; } = "";

    public string Model { get; init; } = "";

    public string Version { get; init; } = "";

    public string Route { get; init; } = "";

    public string Currency { get; init; } = "";

    public long Calls { get; init; }

    public long InputTokens { get; init; }

    public long OutputTokens { get; init; }

    public long Cost { get; init; }

    public string Reason { get; init; } = "";

    public string MadeBy { get; init; } = "";

    public string MadeWith { get; init; } = "";

    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>Budgets that ask for more than the correction says are not touched by it.</summary>
    public bool Meets(Budget budget) =>
        (budget.Tenant is null || budget.Tenant == Tenant) && (budget.KeyId is null || budget.KeyId == KeyId)
        && (budget.Model is null || budget.Model == Model) && (budget.Route is null || budget.Route == Route);

    public long UnitsOf(Budget budget) => budget.Unit switch
    {
        BudgetWords.Calls => Calls,
        BudgetWords.Money => Currency == budget.Currency ? Cost : 0,
        _ => InputTokens + OutputTokens,
    };
}

/// <summary>The body of POST /usage/corrections.</summary>
internal sealed record UsageCorrectionRequest
{
    public DateTimeOffset? At { get; init; }

    /// <summary>Name or id: this budget alone is corrected, by the amount.</summary>
    public string? Budget { get; init; }

    public decimal? Amount { get; init; }

    public string? Tenant { get; init; }

    public string? KeyId { get; init; }

    public string? Model { get; init; }

    public string? Version { get; init; }

    public string? Route { get; init; }

    public long Calls { get; init; }

    public long InputTokens { get; init; }

    public long OutputTokens { get; init; }

    public decimal Cost { get; init; }

    public string? Currency { get; init; }

    public required string Reason { get; init; }

    public required string By { get; init; }
}

/// <summary>What a correction may say.</summary>
internal static class UsageCorrectionRules
{
    public const int ReasonLengthMax = 500;
    public const int ByLengthMax = 100;

    private const int VersionLengthMax = 20;
    private const int MoneyDigits = 9;
    private const long CountMax = CostAmounts.UnitsMax / 1_000;

    /// <exception cref="ApiException">A field is not as it should be (20037).</exception>
    public static void Check(UsageCorrectionRequest body, DateTimeOffset now)
    {
        var errors = new FieldErrors();
        Text(errors, "reason", body.Reason, ReasonLengthMax);
        Text(errors, "by", body.By, ByLengthMax);
        if (body.At > now) Add(errors, "at", "expected a time that has passed");
        if (body.Budget is not null) CheckBudget(errors, body);
        else CheckUsage(errors, body);
        errors.ThrowIfAny();
    }

    /// <summary>Once it is known what the budget counts.</summary>
    /// <exception cref="ApiException">The amount is none of that (20037).</exception>
    public static long UnitsOf(Budget budget, decimal amount)
    {
        var errors = new FieldErrors();
        if (budget.Unit != BudgetWords.Money && amount != decimal.Truncate(amount))
            Add(errors, "amount", $"expected a whole number of {budget.Unit}, came {amount}");
        if (budget.Unit == BudgetWords.Money && decimal.Round(amount, MoneyDigits) != amount)
            Add(errors, "amount", $"expected at most {MoneyDigits} decimal places");
        var max = budget.Unit == BudgetWords.Money ? CostAmounts.MoneyMax : CostAmounts.UnitsMax;
        if (decimal.Abs(amount) > max) Add(errors, "amount", $"expected at most {max}, above or below 0");
        errors.ThrowIfAny();
        return budget.Unit == BudgetWords.Money ? CostAmounts.OfMoney(amount) : (long)amount;
    }

    private static void CheckBudget(FieldErrors errors, UsageCorrectionRequest body)
    {
        if (body.Amount is null or 0) Add(errors, "amount", "expected what is to be added to the budget's use, not 0");
        foreach (var (field, isGiven) in Others(body))
        {
            if (isGiven) Add(errors, field, "expected only without budget");
        }
    }

    private static void CheckUsage(FieldErrors errors, UsageCorrectionRequest body)
    {
        if (body.Amount is not null) Add(errors, "amount", "expected only with budget");
        if (body.Tenant is { } tenant) Text(errors, "tenant", tenant, CallerIdentity.TenantLengthMax);
        if (body.KeyId is { } key) Text(errors, "key_id", key, CallerIdentity.TenantLengthMax);
        if (body.Version is { } version) Text(errors, "version", version, VersionLengthMax);
        if (body.Model is { } model && !BudgetRules.IsModel(model)) Add(errors, "model", "expected provider/name");
        if (body.Route is { } route && !RouteRules.IsName(route)) Add(errors, "route", "expected the name of a route");
        Range(errors, "calls", body.Calls);
        Range(errors, "input_tokens", body.InputTokens);
        Range(errors, "output_tokens", body.OutputTokens);
        if (decimal.Abs(body.Cost) > CostAmounts.MoneyMax || decimal.Round(body.Cost, MoneyDigits) != body.Cost)
            Add(errors, "cost",
                $"expected at most {CostAmounts.MoneyMax}, above or below 0, with at most {MoneyDigits} decimals");
        var fits = body.Cost == 0 ? body.Currency is null
            : body.Currency is not null && BudgetRules.IsCurrency(body.Currency);
        if (!fits)
            Add(errors, "currency", "expected a currency of three capital letters with a cost, and only there");
        if (body is { Calls: 0, InputTokens: 0, OutputTokens: 0, Cost: 0 })
            Add(errors, "", "expected some of calls, input_tokens, output_tokens and cost other than 0");
    }

    private static IEnumerable<(string Field, bool IsGiven)> Others(UsageCorrectionRequest body) =>
    [
        ("tenant", body.Tenant is not null), ("key_id", body.KeyId is not null), ("model", body.Model is not null),
        ("version", body.Version is not null), ("route", body.Route is not null), ("calls", body.Calls != 0),
        ("input_tokens", body.InputTokens != 0), ("output_tokens", body.OutputTokens != 0), ("cost", body.Cost != 0),
        ("currency", body.Currency is not null),
    ];

    private static void Range(FieldErrors errors, string field, long value)
    {
        if (value is < -CountMax or > CountMax) Add(errors, field, $"expected -{CountMax} to {CountMax}, came {value}");
    }

    private static void Text(FieldErrors errors, string field, string text, int max)
    {
        if (text.Length == 0 || text.Length > max || text.Any(char.IsControl))
            Add(errors, field, $"expected 1 to {max} characters without control characters");
    }

    private static void Add(FieldErrors errors, string field, string why) =>
        errors.Add(ErrorCodes.UsageInvalid, field, why);
}
