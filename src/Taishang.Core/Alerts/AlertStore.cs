using System.Text.Json;
using Taishang.Core.Api;
using Taishang.Core.Data;

namespace Taishang.Core.Alerts;

/// <summary>Rules and the history of their states.</summary>
internal sealed class AlertStore(Database database, TimeProvider time)
{
    /// <summary>Each is a query every few seconds.</summary>
    public const int AlertsMax = 200;

    internal const string Columns = """
        id, name, description, kind, metric, type, comparison, threshold, objective, window_seconds, for_seconds,
        webhook_url, webhook_secret, paused, state, state_since, last_value, evaluated_at, created_at, updated_at
        """;

    private const string Find = $"SELECT {Columns} FROM tai_alerts WHERE id = @id";

    private const string Insert = """
        INSERT INTO tai_alerts
            (id, name, description, kind, metric, type, comparison, threshold, objective, window_seconds, for_seconds,
            webhook_url, webhook_secret, paused, state_since, next_at_ms, created_at, updated_at)
        VALUES (@Id, @Name, @Description, @Kind, @Metric, @Type, @Comparison, @Threshold, @Objective, @WindowSeconds,
            @ForSeconds, @WebhookUrl, @WebhookSecret, @paused, tai_now(), tai_now_ms(), tai_now(), tai_now())
        """;

    private const string Replace = """
        UPDATE tai_alerts SET
            name = @Name, description = @Description, kind = @Kind, metric = @Metric, type = @Type,
            comparison = @Comparison, threshold = @Threshold, objective = @Objective,
            window_seconds = @WindowSeconds, for_seconds = @ForSeconds, webhook_url = @WebhookUrl,
            webhook_secret = @WebhookSecret, paused = @paused, next_at_ms = tai_now_ms(), updated_at = tai_now()
        WHERE id = @Id
        """;

    private const string Matches = """
        FROM tai_alerts WHERE (CAST(@state AS VARCHAR(10)) IS NULL OR state = @state)
            AND (CAST(@metric AS VARCHAR(30)) IS NULL OR metric = @metric)
        """;

    private const string Due = $"""
        UPDATE tai_alerts SET next_at_ms = tai_now_ms() + @intervalMs
        WHERE id IN (SELECT id FROM tai_alerts
            WHERE paused = 0 AND next_at_ms <= tai_now_ms() ORDER BY next_at_ms LIMIT @max
        """;

    private const string Moved = """
        UPDATE tai_alerts SET
            state = @to, last_value = @value, evaluated_at = @at,
            state_since = CASE WHEN state = @to THEN state_since ELSE @at END
        WHERE id = @id AND state = @from AND paused = 0 AND updated_at = @updatedAt
        """;

    private const string InsertEvent = """
        INSERT INTO tai_alert_events (id, alert_id, event, value, reason, created_at)
        VALUES (@eventId, @id, @word, @value, @reason, @at)
        """;

    private const string Raised = $"""
        SELECT {Columns} FROM tai_alerts
        WHERE metric = @Metric AND paused = 0 AND threshold <= @Threshold AND (type IS NULL OR type = @Subject)
        ORDER BY id
        """;

    private const string Fire = """
        UPDATE tai_alerts SET
            state = 'firing', last_value = @value, evaluated_at = @at,
            state_since = CASE WHEN state = 'firing' THEN state_since ELSE @at END
        WHERE id = @Id
        """;

    private const string Events = """
        SELECT id, alert_id, event, value, reason, created_at FROM tai_alert_events WHERE alert_id = @id
        """;

    private const string Sweep = "DELETE FROM tai_alert_events WHERE created_at < @before";

    /// <exception cref="ApiException">The name is taken, or there are as many rules as may be.</exception>
    public Task<Alert> CreateAsync(Alert alert, CancellationToken cancellation) => NamedAsync(alert, () =>
        database.WriteAsync(
            async session =>
            {
                // The same request again: its first try had come this far.
                if (await session.FindAsync<Alert>(Find, new { id = alert.Id }) is { } first) return first;
                if (await session.ScalarAsync<long>("SELECT count(*) FROM tai_alerts") >= AlertsMax)
                {
                    throw new ApiException(
                        ErrorCodes.AlertLimit, $"there are {AlertsMax} alerts, and that is the limit");
                }

                await session.ExecuteAsync(Insert, Row(alert));
                return await GetAsync(session, alert.Id);
            },
            cancellation));

    /// <exception cref="ApiException">No such rule, or the name is taken.</exception>
    public Task<Alert> ReplaceAsync(Alert alert, CancellationToken cancellation) => NamedAsync(alert, () =>
        database.WriteAsync(
            async session =>
            {
                await session.ExecuteAsync(Replace, Row(alert));
                return await GetAsync(session, alert.Id);
            },
            cancellation));

    /// <exception cref="ApiException">No such rule.</exception>
    public Task<Alert> GetAsync(string id, CancellationToken cancellation) =>
        database.ReadAsync(session => GetAsync(session, id), cancellation);

    /// <summary>Deletes a rule with its history and what was still to be sent.</summary>
    /// <exception cref="ApiException">No such rule.</exception>
    public Task DeleteAsync(string id, CancellationToken cancellation) => database.WriteAsync(
        async session =>
        {
            if (await session.ExecuteAsync("DELETE FROM tai_alerts WHERE id = @id", new { id }) == 0)
                throw NotFound(id);
        },
        cancellation);

    public Task<(IReadOnlyList<Alert> Alerts, long Total)> ListAsync(
        string? state, string? metric, ListQuery query, CancellationToken cancellation) => database.ReadAsync(
        async session =>
        {
            var order = query.Sort is { Field: "name" } byName
                ? byName.Descending ? "name DESC" : "name"
                : query.Sort?.Descending == false ? "id" : "id DESC";
            var parameters = new { state, metric, take = query.PageSize, skip = query.Skip };
            return (
                await session.QueryAsync<Alert>(
                    $"SELECT {Columns} {Matches} ORDER BY {order} LIMIT @take OFFSET @skip", parameters),
                await session.ScalarAsync<long>("SELECT count(*) " + Matches, parameters));
        },
        cancellation);

    /// <summary>The times that a rule fired or was resolved, newest first unless told otherwise.</summary>
    /// <exception cref="ApiException">No such rule.</exception>
    public Task<(IReadOnlyList<AlertEvent> Events, long Total)> EventsAsync(
        string id, ListQuery query, CancellationToken cancellation) => database.ReadAsync(
        async session =>
        {
            await GetAsync(session, id);
            var order = query.Sort?.Descending == false ? "id" : "id DESC";
            return (
                await session.QueryAsync<AlertEvent>(
                    $"{Events} ORDER BY {order} LIMIT @take OFFSET @skip",
                    new { id, take = query.PageSize, skip = query.Skip }),
                await session.ScalarAsync<long>(
                    "SELECT count(*) FROM tai_alert_events WHERE alert_id = @id", new { id }));
        },
        cancellation);

    /// <summary>Takes rules whose time to be evaluated has come; another process does not get them.</summary>
    public Task<IReadOnlyList<Alert>> TakeDueAsync(int intervalMs, int max, CancellationToken cancellation) =>
        database.WriteAsync(
            session => session.QueryAsync<Alert>(
                Due + (session.Dialect == Dialect.PostgreSql ? " FOR UPDATE SKIP LOCKED" : "")
                    + $") RETURNING {Columns}",
                new { intervalMs = (long)intervalMs, max }),
            cancellation);

    /// <summary>
    /// Writes an evaluation: the state, the event and the webhook that is to be sent, together. Nothing happens when
    /// the rule was changed meanwhile or another evaluation was first.
    /// </summary>
    public Task EvaluatedAsync(Alert alert, double? value, CancellationToken cancellation) => database.WriteAsync(
        async session =>
        {
            var at = await session.NowAsync();
            var (to, word) = AlertStates.Next(alert, value, at);
            var reason = AlertStates.Explain(alert, value);
            var eventId = RowId.New(at);
            var written = await session.ExecuteAsync(
                Moved, new { id = alert.Id, from = alert.State, to, value, at, updatedAt = alert.UpdatedAt });
            if (written == 0 || word is null) return;
            await session.ExecuteAsync(InsertEvent, new { eventId, id = alert.Id, word, value, reason, at });
            if (alert.WebhookUrl is null) return;
            await AlertDeliveries.AddAsync(session, alert, eventId, AlertBody.Of(alert, word, value, reason, at), at);
        },
        cancellation);

    /// <summary>
    /// Fires rules of the metric that are about this subject and at or below the threshold that was passed, in the
    /// caller's transaction. A rule that fires already is told all the same: another threshold was passed.
    /// </summary>
    public static async Task RaiseAsync(DatabaseSession session, AlertRaise raise)
    {
        var rules = await session.QueryAsync<Alert>(Raised, new { raise.Metric, raise.Subject, raise.Threshold });
        if (rules.Count == 0) return;
        var at = await session.NowAsync();
        for (var i = 0; i < rules.Count; i++)
        {
            if (raise.Value <= rules[i].Threshold) continue;
            // Thresholds that are passed at once are told in their order.
            var eventId = RowId.New(at, raise.Threshold);
            await session.ExecuteAsync(Fire, new { rules[i].Id, value = raise.Value, at });
            await session.ExecuteAsync(InsertEvent, new
            {
                eventId,
                id = rules[i].Id,
                word = AlertWords.Firing,
                value = raise.Value,
                reason = raise.Reason,
                at,
            });
            if (rules[i].WebhookUrl is null) continue;
            var fired = rules[i] with { State = AlertWords.Firing, LastValue = raise.Value, EvaluatedAt = at };
            await AlertDeliveries.AddAsync(
                session, fired, eventId, AlertBody.Of(fired, AlertWords.Firing, raise.Value, raise.Reason, at), at);
        }
    }

    public Task SweepAsync(DateTimeOffset before, CancellationToken cancellation) => database.WriteAsync(
        session => session.ExecuteAsync(Sweep, new { before }), cancellation);

    /// <summary>An id for a rule that no request reserved one for.</summary>
    public string NewId() => RowId.New(time.GetUtcNow());

    private static async Task<Alert> GetAsync(DatabaseSession session, string id) =>
        await session.FindAsync<Alert>(Find, new { id }) ?? throw NotFound(id);

    private static object Row(Alert alert) => new
    {
        alert.Id,
        alert.Name,
        alert.Description,
        alert.Kind,
        alert.Metric,
        alert.Type,
        alert.Comparison,
        alert.Threshold,
        alert.Objective,
        alert.WindowSeconds,
        alert.ForSeconds,
        alert.WebhookUrl,
        alert.WebhookSecret,
        paused = alert.Paused ? 1 : 0,
    };

    private static async Task<Alert> NamedAsync(Alert alert, Func<Task<Alert>> write)
    {
        try
        {
            return await write();
        }
        catch (Exception e) when (DatabaseFailure.IsUniqueViolation(e))
        {
            throw new ApiException(
                ErrorCodes.AlertExists, $"name: an alert of the name '{alert.Name}' exists",
                [new FieldError("name", ErrorCodes.AlertExists.Number, "an alert of this name exists")]);
        }
    }

    private static ApiException NotFound(string id) =>
        new(ErrorCodes.AlertNotFound, $"no such alert: {(id.Length <= 64 ? id : id[..64] + "…")}");
}

/// <summary>Something that rules are told of at once.</summary>
/// <param name="Metric">Of the rules.</param>
/// <param name="Subject">What it is about; rules name it as their type.</param>
/// <param name="Threshold">That was passed.</param>
/// <param name="Value">Of the metric now.</param>
/// <param name="Reason">For people.</param>
internal sealed record AlertRaise(string Metric, string Subject, int Threshold, double Value, string Reason);

/// <summary>What a webhook carries.</summary>
internal sealed record AlertBody(string Event, string? Reason, double? Value, DateTimeOffset At, AlertView Alert)
{
    public static AlertBody Of(Alert alert, string word, double? value, string? reason, DateTimeOffset at) =>
        new(word, reason, value, at, AlertView.Of(alert));

    public string Json() => JsonSerializer.Serialize(this, ApiJson.Options);
}
