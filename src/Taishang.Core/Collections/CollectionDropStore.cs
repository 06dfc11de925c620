using Taishang.Core.Data;

namespace Taishang.Core.Collections;

/// <summary>What a worker still has to drop; a row stays until it has.</summary>
internal sealed class CollectionDropStore(Database database)
{
    private const int ErrorMax = 500;

    public static Task AddAsync(
        DatabaseSession session, string collectionId, string workerId, DateTimeOffset dueAt, DateTimeOffset now) =>
        session.ExecuteAsync("""
            INSERT INTO tai_collection_drops (collection_id, worker_id, due_at, created_at)
            VALUES (@collectionId, @workerId, @dueAt, @now)
            """,
            new { collectionId, workerId, dueAt, now });

    public static Task RemoveAsync(DatabaseSession session, string collectionId) =>
        session.ExecuteAsync(
            "DELETE FROM tai_collection_drops WHERE collection_id = @collectionId", new { collectionId });

    public Task RemoveAsync(string collectionId, CancellationToken cancellation) =>
        database.WriteAsync(session => RemoveAsync(session, collectionId), cancellation);

    public Task<CollectionDrop?> FindAsync(string collectionId, CancellationToken cancellation) =>
        database.ReadAsync(
            session => session.FindAsync<CollectionDrop>(
                """
                SELECT collection_id, worker_id, attempts FROM tai_collection_drops
                WHERE collection_id = @collectionId
                """,
                new { collectionId }),
            cancellation);

    public Task<IReadOnlyList<CollectionDrop>> DueAsync(
        DateTimeOffset now, int take, CancellationToken cancellation) =>
        database.ReadAsync(
            session => session.QueryAsync<CollectionDrop>("""
                SELECT collection_id, worker_id, attempts FROM tai_collection_drops
                WHERE due_at <= @now ORDER BY due_at LIMIT @take
                """,
                new { now, take }),
            cancellation);

    /// <summary>
    /// Takes one drop for a try: the next one is not before <paramref name="nextAt"/>, and a creation that did not
    /// finish loses its row, so that it can not finish any more. False when another process took it.
    /// </summary>
    public Task<bool> TakeAsync(
        CollectionDrop drop, DateTimeOffset nextAt, CancellationToken cancellation) =>
        database.WriteAsync(
            async session =>
            {
                var taken = await session.ExecuteAsync("""
                    UPDATE tai_collection_drops SET attempts = attempts + 1, due_at = @nextAt
                    WHERE collection_id = @CollectionId AND attempts = @Attempts
                    """,
                    new { drop.CollectionId, drop.Attempts, nextAt });
                if (taken == 1) await CollectionStore.DeleteCreatingAsync(session, drop.CollectionId);
                return taken == 1;
            },
            cancellation);

    public Task NoteErrorAsync(string collectionId, string error, CancellationToken cancellation) =>
        database.WriteAsync(
            session => session.ExecuteAsync(
                "UPDATE tai_collection_drops SET last_error = @error WHERE collection_id = @collectionId",
                new { collectionId, error = error.Length <= ErrorMax ? error : error[..ErrorMax] }),
            cancellation);
}

internal sealed record CollectionDrop
{
    public string CollectionId { get; init; } = "";

    public string WorkerId { get; init; } = "";

    public int Attempts { get; init; }
}
