using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Taishang.Core.Api;

namespace Taishang.Core.Costs;

/// <summary>Routes of budgets.</summary>
internal static class BudgetEndpoints
{
    public static void MapBudgets(this IEndpointRouteBuilder app)
    {
        var budgets = app.MapGroup("/api/taishang/budgets");
        budgets.MapGet("", ListAsync);
        budgets.MapPost("", CreateAsync).WithIdempotency();
        budgets.MapGet("{id}", GetAsync);
        budgets.MapPut("{id}", ReplaceAsync);
        budgets.MapDelete("{id}", DeleteAsync);
    }

    private static async Task<IResult> ListAsync(
        HttpContext context, BudgetStore store, CostWorker worker, CancellationToken cancellation)
    {
        var query = ListQuery.Read(
            context.Request.Query, ["tenant", "key_id", "model", "route", "unit"], ["name", "created_at"]);
        query.OneOf("unit", BudgetWords.Tokens, BudgetWords.Calls, BudgetWords.Money);
        await worker.FlushAsync(cancellation);
        var (rows, total) = await store.ListAsync(query, cancellation);
        return Envelope.Page("budgets", await AnswersAsync(store, rows, cancellation), total);
    }

    private static async Task<IResult> CreateAsync(
        HttpContext context, BudgetStore store, BudgetDirectory directory, TimeProvider time,
        CancellationToken cancellation)
    {
        var body = await JsonBody.ReadAsync<BudgetRequest>(context, cancellation);
        BudgetRules.Check(body);
        var row = body.ToRow(context.NewRowId(time), store.Now(), store.Now());
        var made = await store.InsertAsync(row, cancellation);
        await directory.RefreshAsync(CancellationToken.None);
        return Envelope.Created(await AnswerAsync(store, made, cancellation));
    }

    private static async Task<IResult> GetAsync(
        string id, BudgetStore store, CostWorker worker, CancellationToken cancellation)
    {
        await worker.FlushAsync(cancellation);
        return Envelope.Ok(await AnswerAsync(store, await store.GetAsync(id, cancellation), cancellation));
    }

    private static async Task<IResult> ReplaceAsync(
        string id, HttpContext context, BudgetStore store, BudgetDirectory directory, CostLedger ledger,
        CostWorker worker, CancellationToken cancellation)
    {
        var body = await JsonBody.ReadAsync<BudgetRequest>(context, cancellation);
        BudgetRules.Check(body);
        var before = await store.GetAsync(id, cancellation);
        BudgetRules.CheckChange(before, body);
        var changed = await store.UpdateAsync(body.ToRow(before.Id, before.CreatedAt, store.Now()), cancellation);
        await directory.RefreshAsync(CancellationToken.None);
        ledger.ForgetRefusals();
        await worker.FlushAsync(cancellation);
        return Envelope.Ok(await AnswerAsync(store, changed, cancellation));
    }

    private static async Task<IResult> DeleteAsync(
        string id, BudgetStore store, BudgetDirectory directory, CancellationToken cancellation)
    {
        await store.DeleteAsync(id, cancellation);
        await directory.RefreshAsync(CancellationToken.None);
        return Envelope.Done();
    }

    private static async Task<BudgetAnswer> AnswerAsync(
        BudgetStore store, Budget budget, CancellationToken cancellation) =>
        (await AnswersAsync(store, [budget], cancellation))[0];

    private static async Task<IReadOnlyList<BudgetAnswer>> AnswersAsync(
        BudgetStore store, IReadOnlyList<Budget> budgets, CancellationToken cancellation)
    {
        var states = await store.StatesAsync(budgets, cancellation);
        return [.. budgets.Zip(states, (budget, state) => BudgetAnswer.Of(budget, state, store.Now()))];
    }
}

/// <summary>A budget on the wire.</summary>
internal sealed record BudgetAnswer
{
    public required string Id { get; init; }

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

    public required string Mode { get; init; }

    public required string Uncounted { get; init; }

    public required IReadOnlyList<int> Thresholds { get; init; }

    public required BudgetStateAnswer State { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; init; }

    public static BudgetAnswer Of(Budget budget, BudgetState state, DateTimeOffset now)
    {
        decimal Amount(long units) => budget.Unit == BudgetWords.Money ? CostAmounts.ToMoney(units) : units;
        return new BudgetAnswer
        {
            Id = budget.Id,
            Name = budget.Name,
            Description = budget.Description,
            Tenant = budget.Tenant,
            KeyId = budget.KeyId,
            Model = budget.Model,
            Route = budget.Route,
            Unit = budget.Unit,
            Currency = budget.Currency,
            Period = budget.Period,
            Limit = Amount(budget.LimitUnits),
            Mode = budget.Mode,
            Uncounted = budget.Uncounted,
            Thresholds = budget.ReadThresholds(),
            State = new BudgetStateAnswer(
                state.Period, Amount(state.Used), Amount(state.Abandoned), Amount(state.Reserved),
                Amount(budget.LimitUnits - state.Used - state.Abandoned), state.Refused,
                BudgetPeriod.Of(budget.Period, now).EndsAt),
            CreatedAt = budget.CreatedAt,
            UpdatedAt = budget.UpdatedAt,
        };
    }
}

/// <summary>Where a budget stands in the period that is now.</summary>
/// <param name="Period">2026-11-26 or 2026-11, in UTC.</param>
/// <param name="Used">As calls have settled it, and corrections.</param>
/// <param name="Abandoned">Leased to processes that died: counted as spent.</param>
/// <param name="Reserved">Leased to processes that admit calls.</param>
/// <param name="Left">Of the limit, what is reserved among it; below 0 where more was used than reserved.</param>
/// <param name="Refused">Calls that were refused, or would have been in shadow mode.</param>
/// <param name="ResetsAt">When the next period begins.</param>
internal sealed record BudgetStateAnswer(
    string Period, decimal Used, decimal Abandoned, decimal Reserved, decimal Left, long Refused,
    DateTimeOffset ResetsAt);
