using Taishang.Core.Data;

namespace Taishang.Core.Tasks;

/// <summary>Which types of tasks ai workers have run, by worker, and when they were last seen to.</summary>
internal sealed class TaskTypeStore(Database database)
{
    private const string Write = """
        INSERT INTO tai_task_types (type, worker_id, seen_at) VALUES (@type, @workerId, tai_now())
        ON CONFLICT (type, worker_id) DO UPDATE SET seen_at = excluded.seen_at
        """;

    private const string Find = """
        SELECT type, worker_id, seen_at FROM tai_task_types WHERE type = @type ORDER BY seen_at DESC LIMIT 1
        """;

    private const string Sweep = "DELETE FROM tai_task_types WHERE seen_at < tai_after(@ms)";

    /// <summary>These workers run these types now.</summary>
    public Task WriteAsync(IReadOnlyList<ServedTaskType> served, CancellationToken cancellation) =>
        database.WriteAsync(
            session => session.ExecuteAsync(
                Write,
                // In one order, so that two processes that see the same never wait for each other.
                served.OrderBy(one => one.Type, StringComparer.Ordinal)
                    .ThenBy(one => one.WorkerId, StringComparer.Ordinal)
                    .Select(one => new { type = one.Type, workerId = one.WorkerId }).ToArray()),
            cancellation);

    /// <summary>Who was seen with the type last; null when nobody was.</summary>
    public Task<SeenTaskType?> FindAsync(string type, CancellationToken cancellation) =>
        database.ReadAsync(session => session.FindAsync<SeenTaskType>(Find, new { type }), cancellation);

    /// <summary>Forgets what was not seen for so long.</summary>
    public Task<int> SweepAsync(TimeSpan age, CancellationToken cancellation) => database.WriteAsync(
        session => session.ExecuteAsync(Sweep, new { ms = -(long)age.TotalMilliseconds }), cancellation);
}

/// <summary>A type of tasks, and a worker that was seen with it.</summary>
internal sealed class SeenTaskType
{
    public required string Type { get; init; }

    public required string WorkerId { get; init; }

    public DateTimeOffset SeenAt { get; init; }
}
