using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Taishang.Core.Api;
using Taishang.Core.Gateway;

namespace Taishang.Core.Costs;

/// <summary>Routes of usage and its corrections.</summary>
internal static class UsageEndpoints
{
    public static void MapUsage(this IEndpointRouteBuilder app)
    {
        var usage = app.MapGroup("/api/taishang/usage");
        usage.MapGet("", QueryAsync);
        usage.MapGet("corrections", ListCorrectionsAsync);
        usage.MapPost("corrections", CorrectAsync).WithIdempotency();
    }

    private static async Task<IResult> QueryAsync(
        HttpContext context, UsageStore store, CostWorker worker, TimeProvider time, CancellationToken cancellation)
    {
        var query = UsageQuery.Read(context.Request.Query, time.GetUtcNow());
        await worker.FlushAsync(cancellation);
        var (rows, total, totals) = await store.QueryAsync(query, cancellation);
        return Envelope.Ok(new UsagePage([.. rows.Select(UsageAnswer.Of)], total, UsageAnswer.Of(totals)));
    }

    private static async Task<IResult> ListCorrectionsAsync(
        HttpContext context, UsageCorrectionStore store, CancellationToken cancellation)
    {
        var query = ListQuery.Read(context.Request.Query, ["tenant", "budget"], ["created_at"]);
        var (rows, total) = await store.ListAsync(query, cancellation);
        return Envelope.Page("corrections", rows.Select(UsageCorrectionAnswer.Of).ToList(), total);
    }

    private static async Task<IResult> CorrectAsync(
        HttpContext context, UsageCorrectionStore store, CostLedger ledger, TimeProvider time,
        CancellationToken cancellation)
    {
        var body = await JsonBody.ReadAsync<UsageCorrectionRequest>(context, cancellation);
        var now = time.GetUtcNow();
        UsageCorrectionRules.Check(body, now);
        var made = await store.MakeAsync(
            new UsageCorrection
            {
                Id = context.NewRowId(time),
                At = body.At ?? now,
                Tenant = body.Tenant ?? "",
                KeyId = body.KeyId ?? "",
                Model = body.Model ?? "",
                Version = body.Version ?? "",
                Route = body.Route ?? "",
                Currency = body.Currency ?? "",
                Calls = body.Calls,
                InputTokens = body.InputTokens,
                OutputTokens = body.OutputTokens,
                Cost = CostAmounts.OfMoney(body.Cost),
                Reason = body.Reason,
                MadeBy = body.By,
                MadeWith = CallerIdentity.Of(context).KeyId,
                CreatedAt = now,
            },
            body.Budget, body.Amount ?? 0, cancellation);
        ledger.ForgetRefusals();
        return Envelope.Created(UsageCorrectionAnswer.Of(made));
    }
}

/// <summary>A page of groups, and the sums of all of them.</summary>
internal sealed record UsagePage(IReadOnlyList<UsageAnswer> Usage, long Total, UsageAnswer Totals);

/// <summary>What a group has used; what it is not grouped by is absent, and so is what calls had not, such as a route.
/// </summary>
internal sealed record UsageAnswer(
    DateTimeOffset? Time, string? Tenant, string? KeyId, string? Model, string? Version, string? Route)
{
    public required long Calls { get; init; }

    public required long CachedCalls { get; init; }

    public required long InputTokens { get; init; }

    public required long OutputTokens { get; init; }

    public required IReadOnlyList<CostAnswer> Costs { get; init; }

    public static UsageAnswer Of(UsageRow row) => new(
        row.Bucket.Length == 0 ? null : UsageQuery.TimeOf(row.Bucket), Given(row.Tenant), Given(row.KeyId),
        Given(row.Model), Given(row.Version), Given(row.Route))
    {
        Calls = row.Calls,
        CachedCalls = row.CachedCalls,
        InputTokens = row.InputTokens,
        OutputTokens = row.OutputTokens,
        Costs = row.Costs,
    };

    private static string? Given(string text) => text.Length == 0 ? null : text;
}

/// <summary>A correction on the wire.</summary>
internal sealed record UsageCorrectionAnswer(string Id, string? Budget, DateTimeOffset At)
{
    public string? Tenant { get; init; }

    public string? KeyId { get; init; }

    public string? Model { get; init; }

    public string? Version { get; init; }

    public string? Route { get; init; }

    public required long Calls { get; init; }

    public required long InputTokens { get; init; }

    public required long OutputTokens { get; init; }

    public CostAnswer? Cost { get; init; }

    public required string Reason { get; init; }

    public required string By { get; init; }

    /// <summary>Of the bearer token that made it.</summary>
    public required string MadeWith { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public static UsageCorrectionAnswer Of(UsageCorrection row) => new(row.Id, row.Budget, row.At)
    {
        Tenant = Given(row.Tenant),
        KeyId = Given(row.KeyId),
        Model = Given(row.Model),
        Version = Given(row.Version),
        Route = Given(row.Route),
        Calls = row.Calls,
        InputTokens = row.InputTokens,
        OutputTokens = row.OutputTokens,
        Cost = row.Cost == 0 ? null : new CostAnswer(CostAmounts.ToMoney(row.Cost), row.Currency),
        Reason = row.Reason,
        By = row.MadeBy,
        MadeWith = row.MadeWith,
        CreatedAt = row.CreatedAt,
    };

    private static string? Given(string text) => text.Length == 0 ? null : text;
}
