using Taishang.Core.Api;
using Taishang.Core.Data;

namespace Taishang.Core.Alerts;

/// <summary>
/// Webhooks as rows: written with the state that they tell of, taken by one sender at a time, and by another when that
/// one dies. Those of one rule go out in order, so that a resolution never overtakes its alarm.
/// </summary>
internal sealed class AlertDeliveries(Database database)
{
    private const string Columns =
        "id, alert_id, event, body, status, attempts, http_status, last_error, created_at, updated_at";

    private const string Insert = """
        INSERT INTO tai_alert_deliveries (id, alert_id, event, body, next_at_ms, created_at, updated_at)
        VALUES (@id, @alertId, @word, @body, tai_now_ms(), @at, @at)
        """;

    /// <summary>An attempt counts when it begins: a sender that dies of one does not get it for ever.</summary>
    private const string Due = """
        UPDATE tai_alert_deliveries SET
            attempts = attempts + 1, next_at_ms = tai_now_ms() + @leaseMs, updated_at = tai_now()
        WHERE id IN (SELECT d.id FROM tai_alert_deliveries d
            WHERE d.status = 'pending' AND d.next_at_ms <= tai_now_ms() AND NOT EXISTS (
                SELECT 1 FROM tai_alert_deliveries e
                WHERE e.alert_id = d.alert_id AND e.id < d.id AND e.status = 'pending')
            ORDER BY d.next_at_ms LIMIT @max
        """;

    private const string Settle = """
        UPDATE tai_alert_deliveries SET
            status = @status, http_status = @httpStatus, last_error = @error, next_at_ms = tai_now_ms() + @delayMs,
            updated_at = tai_now()
        WHERE id = @id AND status = 'pending' AND attempts = @attempts
        """;

    private const string OfAlert = $"SELECT {Columns} FROM tai_alert_deliveries WHERE alert_id = @id";

    private const string Sweep = "DELETE FROM tai_alert_deliveries WHERE status <> 'pending' AND created_at < @before";

    /// <summary>Adds a webhook to the caller's transaction.</summary>
    public static Task AddAsync(
        DatabaseSession session, Alert alert, string id, AlertBody body, DateTimeOffset at) =>
        session.ExecuteAsync(Insert, new { id, alertId = alert.Id, word = body.Event, body = body.Json(), at });

    /// <summary>Adds one that only shows that it arrives; returns its id.</summary>
    /// <exception cref="ApiException">The rule has no webhook.</exception>
    public Task<string> AddTestAsync(Alert alert, CancellationToken cancellation)
    {
        if (alert.WebhookUrl is null)
        {
            const string Why = "the alert has no webhook to test";
            throw new ApiException(
                ErrorCodes.InvalidArgument, $"webhook: {Why}",
                [new FieldError("webhook", ErrorCodes.InvalidArgument.Number, Why)]);
        }

        return database.WriteAsync(
            async session =>
            {
                var at = await session.NowAsync();
                var id = RowId.New(at);
                await AddAsync(session, alert, id, AlertBody.Of(alert, AlertWords.Test, null, "asked for", at), at);
                return id;
            },
            cancellation);
    }

    public Task<IReadOnlyList<AlertDelivery>> TakeDueAsync(int leaseMs, int max, CancellationToken cancellation) =>
        database.WriteAsync(
            session => session.QueryAsync<AlertDelivery>(
                Due + (session.Dialect == Dialect.PostgreSql ? " FOR UPDATE SKIP LOCKED" : "")
                    + $") RETURNING {Columns}",
                new { leaseMs = (long)leaseMs, max }),
            cancellation);

    /// <summary>Writes how an attempt went, unless another was begun meanwhile.</summary>
    /// <param name="delayMs">Until the next attempt, of one that stays pending.</param>
    public Task SettleAsync(
        AlertDelivery delivery, string status, WebhookAnswer answer, long delayMs, CancellationToken cancellation) =>
        database.WriteAsync(
            session => session.ExecuteAsync(Settle, new
            {
                id = delivery.Id,
                attempts = delivery.Attempts,
                status,
                httpStatus = answer.Status,
                error = answer.Error,
                delayMs,
            }),
            cancellation);

    /// <summary>The webhooks of a rule, newest first unless told otherwise.</summary>
    public Task<(IReadOnlyList<AlertDelivery> Deliveries, long Total)> ListAsync(
        string alertId, ListQuery query, CancellationToken cancellation) => database.ReadAsync(
        async session =>
        {
            var order = query.Sort?.Descending == false ? "id" : "id DESC";
            return (
                await session.QueryAsync<AlertDelivery>(
                    $"{OfAlert} ORDER BY {order} LIMIT @take OFFSET @skip",
                    new { id = alertId, take = query.PageSize, skip = query.Skip }),
                await session.ScalarAsync<long>(
                    "SELECT count(*) FROM tai_alert_deliveries WHERE alert_id = @id", new { id = alertId }));
        },
        cancellation);

    public Task SweepAsync(DateTimeOffset before, CancellationToken cancellation) => database.WriteAsync(
        session => session.ExecuteAsync(Sweep, new { before }), cancellation);
}
