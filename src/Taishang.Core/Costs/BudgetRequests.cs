using Taishang.Core.Api;
using Taishang.Core.Gateway;
using Taishang.Core.Gateway.Routes;
using Taishang.Core.Models;

namespace Taishang.Core.Costs;

/// <summary>The body of POST /budgets.</summary>
internal sealed record BudgetRequest
{
    public required string Name { get; init; }

    public string? Description { get; init; }

    public string? Tenant { get; init; }

    public string? KeyId { get; init; }

    public string? Model { get; init; }

    public string? Route { get; init; }

    public required string Unit { get; init; }

    public string? Currency { get; init; }

    public required string Period { get; init; }

    public required decimal Limit { get; init; }

    public string Mode { get; init; } = BudgetWords.Enforce;

    public string Uncounted { get; init; } = BudgetWords.Allow;

    public IReadOnlyList<int>? Thresholds { get; init; }

    public Budget ToRow(string id, DateTimeOffset createdAt, DateTimeOffset updatedAt) => new()
    {
        Id = id,
        Name = Name,
        Description = Description,
        Tenant = Tenant,
        KeyId = KeyId,
        Model = Model,
        Route = Route,
        Unit = Unit,
        Currency = Currency,
        Period = Period,
        LimitUnits = Unit == BudgetWords.Money ? CostAmounts.OfMoney(Limit) : (long)Limit,
        Mode = Mode,
        Uncounted = Uncounted,
        Thresholds = string.Join(',', Thresholds ?? BudgetRules.ThresholdsDefault),
        CreatedAt = createdAt,
        UpdatedAt = updatedAt,
    };
}

/// <summary>What a budget may say.</summary>
internal static class BudgetRules
{
    public const int NameLengthMax = 50;
    public const int ThresholdsMax = 10;
    public const int ThresholdMax = 1_000;

    private const int DescriptionLengthMax = 500;
    private const int KeyIdLengthMax = 100;
    private const int MoneyDigits = 9;

    public static readonly IReadOnlyList<int> ThresholdsDefault = [50, 80, 100];

    /// <exception cref="ApiException">A field is not as it should be (20036).</exception>
    public static void Check(BudgetRequest body)
    {
        var errors = new FieldErrors();
        Text(errors, "name", body.Name, 1, NameLengthMax);
        if (body.Name.Length == 36 && Guid.TryParseExact(body.Name, "D", out _))
            Add(errors, "name", "expected a name, came the form of an id");
        if (body.Description is { } description) Text(errors, "description", description, 0, DescriptionLengthMax);
        if (body.Tenant is { } tenant) Text(errors, "tenant", tenant, 1, CallerIdentity.TenantLengthMax);
        if (body.KeyId is { } key) Text(errors, "key_id", key, 1, KeyIdLengthMax);
        if (body.Model is { } model && !IsModel(model))
            Add(errors, "model", "expected provider/name, such as builtin/taishang-embed");
        if (body.Route is { } route && !RouteRules.IsName(route)) Add(errors, "route", "expected the name of a route");
        Word(errors, "unit", body.Unit, BudgetWords.Tokens, BudgetWords.Calls, BudgetWords.Money);
        Word(errors, "period", body.Period, BudgetWords.Day, BudgetWords.Month);
        Word(errors, "mode", body.Mode, BudgetWords.Enforce, BudgetWords.Shadow);
        Word(errors, "uncounted", body.Uncounted, BudgetWords.Allow, BudgetWords.Refuse);
        CheckMoney(errors, body);
        CheckThresholds(errors, body.Thresholds);
        errors.ThrowIfAny();
    }

    /// <summary>What was counted so far would mean something else.</summary>
    /// <exception cref="ApiException">A field that stays for good was changed (20036).</exception>
    public static void CheckChange(Budget before, BudgetRequest body)
    {
        var errors = new FieldErrors();
        Same(errors, "tenant", before.Tenant, body.Tenant);
        Same(errors, "key_id", before.KeyId, body.KeyId);
        Same(errors, "model", before.Model, body.Model);
        Same(errors, "route", before.Route, body.Route);
        Same(errors, "unit", before.Unit, body.Unit);
        Same(errors, "currency", before.Currency, body.Currency);
        Same(errors, "period", before.Period, body.Period);
        errors.ThrowIfAny();
    }

    public static bool IsCurrency(string text) => text.Length == 3 && text.All(char.IsAsciiLetterUpper);

    public static bool IsModel(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        return slash > 0 && slash < text.Length - 1 && text.Length <= ModelReference.LengthMax
            && !text.Any(char.IsControl) && !text.Contains('@', StringComparison.Ordinal);
    }

    private static void CheckMoney(FieldErrors errors, BudgetRequest body)
    {
        if (body.Unit != BudgetWords.Money)
        {
            if (body.Currency is not null) Add(errors, "currency", "expected only with the unit money");
            if (body.Uncounted == BudgetWords.Refuse)
                Add(errors, "uncounted", "expected allow: tokens and calls can always be counted");
            if (body.Limit != decimal.Truncate(body.Limit) || body.Limit is < 1 or > CostAmounts.UnitsMax)
                Add(errors, "limit", $"expected a whole number from 1 to {CostAmounts.UnitsMax}, came {body.Limit}");
            return;
        }

        if (body.Currency is null || !IsCurrency(body.Currency))
            Add(errors, "currency", "expected a currency of three capital letters, such as USD");
        if (body.Limit is <= 0 or > CostAmounts.MoneyMax || decimal.Round(body.Limit, MoneyDigits) != body.Limit)
            Add(errors, "limit",
                $"expected above 0 to {CostAmounts.MoneyMax} with at most {MoneyDigits} decimal places");
    }

    private static void CheckThresholds(FieldErrors errors, IReadOnlyList<int>? thresholds)
    {
        if (thresholds is null) return;
        var ascending = thresholds.Zip(thresholds.Skip(1)).All(pair => pair.First < pair.Second);
        if (thresholds.Count > ThresholdsMax || !ascending || thresholds.Any(one => one is < 1 or > ThresholdMax))
            Add(errors, "thresholds", $"expected at most {ThresholdsMax} whole numbers of per cent from 1 to"
                + $" {ThresholdMax}, each above the one before");
    }

    private static void Same(FieldErrors errors, string field, string? before, string? now)
    {
        if (before == now) return;
        var stays = before is null ? "null" : $"'{before}'";
        Add(errors, field, $"can not change, it is {stays}: make another budget");
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

    private static void Add(FieldErrors errors, string field, string why) =>
        errors.Add(ErrorCodes.BudgetInvalid, field, why);
}
