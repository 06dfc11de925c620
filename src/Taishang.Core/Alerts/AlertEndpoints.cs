using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Taishang.Core.Api;
using Taishang.Core.Security;

namespace Taishang.Core.Alerts;

/// <summary>Routes of alert rules.</summary>
internal static class AlertEndpoints
{
    public static void MapAlerts(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/taishang/alerts");
        group.MapGet("", ListAsync);
        group.MapPost("", CreateAsync).WithIdempotency();
        group.MapGet("/{id}", GetAsync);
        group.MapPut("/{id}", ReplaceAsync);
        group.MapDelete("/{id}", DeleteAsync);
        group.MapPost("/{id}/test", TestAsync).WithoutBody();
        group.MapGet("/{id}/events", EventsAsync);
        group.MapGet("/{id}/deliveries", DeliveriesAsync);
    }

    private static async Task<IResult> ListAsync(HttpContext context, AlertStore store, CancellationToken cancellation)
    {
        var query = ListQuery.Read(context.Request.Query, ["state", "metric"], ["created_at", "name"]);
        var state = query.OneOf("state", AlertWords.Ok, AlertWords.Pending, AlertWords.Firing);
        var metric = query.OneOf("metric", [.. AlertMetrics.Names]);
        var (alerts, total) = await store.ListAsync(state, metric, query, cancellation);
        return Envelope.Page("alerts", alerts.Select(AlertView.Of).ToList(), total);
    }

    private static async Task<IResult> CreateAsync(
        HttpContext context, AlertStore store, EndpointRule rule, SecretBox box, CancellationToken cancellation)
    {
        var body = await JsonBody.ReadAsync<AlertRequest>(context, cancellation);
        AlertRequests.Check(body, secretIsStored: false);
        await CheckUrlAsync(rule, body.Webhook, cancellation);
        var id = context.Features.Get<ReservedRowId>()?.Id ?? store.NewId();
        return Envelope.Created(AlertView.Of(await store.CreateAsync(Row(body, id, null, box), cancellation)));
    }

    private static async Task<IResult> GetAsync(string id, AlertStore store, CancellationToken cancellation) =>
        Envelope.Ok(AlertView.Of(await store.GetAsync(id, cancellation)));

    private static async Task<IResult> ReplaceAsync(
        string id, HttpContext context, AlertStore store, EndpointRule rule, SecretBox box,
        CancellationToken cancellation)
    {
        var body = await JsonBody.ReadAsync<AlertRequest>(context, cancellation);
        var stored = await store.GetAsync(id, cancellation);
        // A secret is kept for the address that it was given for.
        AlertRequests.Check(body, stored.WebhookSecret is not null && stored.WebhookUrl == body.Webhook?.Url);
        await CheckUrlAsync(rule, body.Webhook, cancellation);
        return Envelope.Ok(AlertView.Of(await store.ReplaceAsync(Row(body, id, stored, box), cancellation)));
    }

    private static async Task<IResult> DeleteAsync(string id, AlertStore store, CancellationToken cancellation)
    {
        await store.DeleteAsync(id, cancellation);
        return Envelope.Done();
    }

    private static async Task<IResult> TestAsync(
        string id, AlertStore store, AlertDeliveries deliveries, CancellationToken cancellation) =>
        Envelope.Ok(new AlertTestView(
            await deliveries.AddTestAsync(await store.GetAsync(id, cancellation), cancellation)));

    private static async Task<IResult> EventsAsync(
        string id, HttpContext context, AlertStore store, CancellationToken cancellation)
    {
        var query = ListQuery.Read(context.Request.Query, [], ["created_at"]);
        var (events, total) = await store.EventsAsync(id, query, cancellation);
        return Envelope.Page("events", events, total);
    }

    private static async Task<IResult> DeliveriesAsync(
        string id, HttpContext context, AlertStore store, AlertDeliveries deliveries, CancellationToken cancellation)
    {
        var query = ListQuery.Read(context.Request.Query, [], ["created_at"]);
        await store.GetAsync(id, cancellation);
        var (rows, total) = await deliveries.ListAsync(id, query, cancellation);
        return Envelope.Page("deliveries", rows.Select(AlertDeliveryView.Of).ToList(), total);
    }

    private static Alert Row(AlertRequest body, string id, Alert? stored, SecretBox box) => new()
    {
        Id = id,
        Name = body.Name,
        Description = body.Description,
        Kind = body.Kind,
        Metric = body.Metric,
        Type = body.Type,
        Comparison = body.Comparison,
        Threshold = body.Threshold,
        Objective = body.Objective,
        WindowSeconds = body.WindowSeconds,
        ForSeconds = body.ForSeconds,
        WebhookUrl = body.Webhook?.Url,
        WebhookSecret = body.Webhook is null ? null
            : body.Webhook.Secret is { } secret ? box.Seal(secret, id) : stored?.WebhookSecret,
        Paused = body.Paused,
        State = AlertWords.Ok,
    };

    /// <summary>The rule of endpoints, under the name that the field has here.</summary>
    private static async Task CheckUrlAsync(
        EndpointRule rule, AlertWebhook? webhook, CancellationToken cancellation)
    {
        if (webhook is null) return;
        const string Field = "webhook.url";
        try
        {
            await rule.CheckAsync(webhook.Url, cancellation);
        }
        catch (ApiException e)
        {
            var code = e.Code == ErrorCodes.ModelInvalid ? ErrorCodes.InvalidArgument : e.Code;
            var why = e.Message.Replace("endpoint: ", "", StringComparison.Ordinal);
            throw new ApiException(code, $"{Field}: {why}", [new FieldError(Field, code.Number, why)]);
        }
    }
}

/// <param name="DeliveryId">To be found under /alerts/:id/deliveries.</param>
internal sealed record AlertTestView(string DeliveryId);
