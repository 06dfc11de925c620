using Taishang.Core.Data;

namespace Taishang.Core.Api;

/// <summary>
/// Rows of tai_idempotency_keys. A row is held by one owner until <c>locked_until</c>, by the database's clock; whoever
/// finds the lock past takes it over by compare-and-set on the owner, and a late owner's answer changes nothing.
/// </summary>
internal sealed class IdempotencyStore(Database database, TimeProvider time)
{
    private const int SweepRowsMax = 1000;

    private const string Insert =
        """
        INSERT INTO tai_idempotency_keys
            (idempotency_key, route, body_hash, owner, reserved_id, locked_until, created_at)
        VALUES (@Key, @Route, @BodyHash, @Owner, @ReservedId, tai_after(@LeaseMs), tai_now())
        ON CONFLICT (idempotency_key, route) DO NOTHING
        """;

    private const string Select =
        """
        SELECT body_hash, owner, reserved_id, status, response,
               CASE WHEN locked_until > tai_now() THEN 1 ELSE 0 END AS locked,
               CASE WHEN created_at < tai_after(@RetentionMs) THEN 1 ELSE 0 END AS expired
        FROM tai_idempotency_keys
        WHERE idempotency_key = @Key AND route = @Route
        """;

    private const string TakeOver =
        """
        UPDATE tai_idempotency_keys
        SET owner = @Owner, locked_until = tai_after(@LeaseMs)
        WHERE idempotency_key = @Key AND route = @Route AND owner = @SeenOwner AND status IS NULL
        """;

    private const string Renew =
        """
        UPDATE tai_idempotency_keys
        SET owner = @Owner, body_hash = @BodyHash, reserved_id = @ReservedId, status = NULL, response = NULL,
            locked_until = tai_after(@LeaseMs), created_at = tai_now()
        WHERE idempotency_key = @Key AND route = @Route AND owner = @SeenOwner
        """;

    private const string Complete =
        """
        UPDATE tai_idempotency_keys
        SET status = @Status, response = @Response
        WHERE idempotency_key = @Key AND route = @Route AND owner = @Owner AND status IS NULL
        """;

    private const string Forget =
        """
        DELETE FROM tai_idempotency_keys
        WHERE idempotency_key = @Key AND route = @Route AND owner = @Owner AND status IS NULL
        """;

    private const string Unlock =
        """
        UPDATE tai_idempotency_keys
        SET locked_until = tai_now()
        WHERE idempotency_key = @Key AND route = @Route AND owner = @Owner AND status IS NULL
        """;

    private const string Sweep =
        """
        DELETE FROM tai_idempotency_keys
        WHERE (idempotency_key, route) IN
            (SELECT idempotency_key, route FROM tai_idempotency_keys
             WHERE created_at < tai_after(@RetentionMs) AND (status IS NOT NULL OR locked_until < tai_now())
             ORDER BY created_at LIMIT @SweepRowsMax)
        """;

    public Task<IdempotencyClaim> ClaimAsync(
        IdempotencyRequest request, TimeSpan lease, TimeSpan retention, CancellationToken cancellation)
    {
        var now = time.GetUtcNow();
        var mine = new Parameters(request, RowId.New(now), RowId.New(now), lease, retention);
        return database.WriteAsync(
            async session =>
            {
                if (await session.ExecuteAsync(Insert, mine) == 1) return Claimed(mine.Owner, mine.ReservedId);
                // Between the two statements the row can only vanish by being forgotten: the caller may try again.
                if (await session.FindAsync<Row>(Select, mine) is not { } row) return InProgress;
                var seen = mine with { SeenOwner = row.Owner };
                if (row.Expired && !row.Locked)
                    return await session.ExecuteAsync(Renew, seen) == 1
                        ? Claimed(mine.Owner, mine.ReservedId) : InProgress;
                if (row.BodyHash != request.BodyHash) return new IdempotencyClaim(ClaimKind.Mismatch);
                if (row.Status is { } status)
                    return new IdempotencyClaim(ClaimKind.Answered) { Status = status, Response = row.Response };
                if (row.Locked) return InProgress;
                return await session.ExecuteAsync(TakeOver, seen) == 1
                    ? Claimed(mine.Owner, row.ReservedId) : InProgress;
            },
            cancellation);
    }

    /// <summary>Keeps the answer; nothing happens when the lock was lost.</summary>
    public Task CompleteAsync(
        IdempotencyRequest request, string owner, int status, string response, CancellationToken cancellation) =>
        WriteAsync(Complete, Answer(request, owner, status, response), cancellation);

    /// <summary>Nothing was made: the key is as if it had never been used.</summary>
    public Task ForgetAsync(IdempotencyRequest request, string owner, CancellationToken cancellation) =>
        WriteAsync(Forget, Answer(request, owner), cancellation);

    /// <summary>Unknown what was made: the next try may start at once, with the same reserved id.</summary>
    public Task UnlockAsync(IdempotencyRequest request, string owner, CancellationToken cancellation) =>
        WriteAsync(Unlock, Answer(request, owner), cancellation);

    /// <summary>Deletes keys past their retention, a bounded number; returns how many.</summary>
    public Task<int> SweepAsync(TimeSpan retention, CancellationToken cancellation) =>
        database.WriteAsync(
            session => session.ExecuteAsync(
                Sweep, new { RetentionMs = -(long)retention.TotalMilliseconds, SweepRowsMax }),
            cancellation);

    private static IdempotencyClaim InProgress => new(ClaimKind.InProgress);

    private static IdempotencyClaim Claimed(string owner, string reservedId) =>
        new(ClaimKind.Claimed) { Owner = owner, ReservedId = reservedId };

    // Names of parameters keep their case: SQLite tells @Owner from @owner.
    private static object Answer(
        IdempotencyRequest request, string owner, int? status = null, string? response = null) =>
        new { request.Key, request.Route, Owner = owner, Status = status, Response = response };

    private Task WriteAsync(string sql, object parameters, CancellationToken cancellation) =>
        database.WriteAsync(session => session.ExecuteAsync(sql, parameters), cancellation);

    private sealed record Parameters(string Key, string Route, string BodyHash, string Owner, string ReservedId)
    {
        public Parameters(
            IdempotencyRequest request, string owner, string reservedId, TimeSpan lease, TimeSpan retention)
            : this(request.Key, request.Route, request.BodyHash, owner, reservedId)
        {
            LeaseMs = (long)lease.TotalMilliseconds;
            RetentionMs = -(long)retention.TotalMilliseconds;
        }

        public long LeaseMs { get; }

        public long RetentionMs { get; }

        public string SeenOwner { get; init; } = "";
    }

    private sealed class Row
    {
        public string BodyHash { get; set; } = "";

        public string Owner { get; set; } = "";

        public string ReservedId { get; set; } = "";

        public int? Status { get; set; }

        public string? Response { get; set; }

        public bool Locked { get; set; }

        public bool Expired { get; set; }
    }
}

/// <param name="Key">As the caller sent it.</param>
/// <param name="Route">Method and pattern of the route; keys of different routes do not meet.</param>
/// <param name="BodyHash">SHA-256 of method, path with query, and raw body; hexadecimal.</param>
internal sealed record IdempotencyRequest(string Key, string Route, string BodyHash);

internal enum ClaimKind
{
    Claimed,
    Answered,
    Mismatch,
    InProgress,
}

internal sealed record IdempotencyClaim(ClaimKind Kind)
{
    public string Owner { get; init; } = "";

    public string ReservedId { get; init; } = "";

    public int Status { get; init; }

    public string? Response { get; init; }
}
