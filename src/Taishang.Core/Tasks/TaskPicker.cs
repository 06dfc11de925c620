using Taishang.Core.Data;

namespace Taishang.Core.Tasks;

/// <summary>
/// Chooses the tasks of a claim where limits hold. Queued tasks stand in lanes, one for each type and tenant. What runs
/// is counted, lanes that are full are passed by without reading their rows, and the heads of the others are merged by
/// rank. Claims under limits take turns by a lock, so that two processes never fill the same place; without limits
/// none of this is done.
/// </summary>
internal static class TaskPicker
{
    /// <summary>Any number that no other lock of this database uses.</summary>
    private const long ClaimLock = 0x7461695f636c61;

    private const string Running = """
        SELECT type, tenant, count(*) AS count FROM tai_task_queue WHERE state = 'running' GROUP BY type, tenant
        """;

    /// <summary>Jumps from lane to lane by the index, so that a lane costs the same however many wait in it.</summary>
    private const string Lanes = """
        WITH RECURSIVE lane (type, tenant) AS (
            SELECT type, tenant FROM (
                SELECT type, tenant FROM tai_task_queue WHERE state = 'queued' AND waits = 0
                ORDER BY type, tenant LIMIT 1) AS first_lane
            UNION ALL
            SELECT
                (SELECT q.type FROM tai_task_queue q WHERE q.state = 'queued' AND q.waits = 0
                    AND (q.type, q.tenant) > (lane.type, lane.tenant) ORDER BY q.type, q.tenant LIMIT 1),
                (SELECT q.tenant FROM tai_task_queue q WHERE q.state = 'queued' AND q.waits = 0
                    AND (q.type, q.tenant) > (lane.type, lane.tenant) ORDER BY q.type, q.tenant LIMIT 1)
            FROM lane WHERE lane.type IS NOT NULL)
        SELECT type, tenant FROM lane WHERE type IS NOT NULL
        """;

    private const string PostgreSqlHeads = TaskQueueRows.ByIndex + """
        SELECT head.task_id, lane.type, lane.tenant, head.rank_ms, head.waited_ms
        FROM unnest(@types, @tenants, @rooms) AS lane (type, tenant, room), LATERAL (
            SELECT task_id, rank_ms, (SELECT tai_now_ms()) - run_at_ms AS waited_ms FROM tai_task_queue
            WHERE state = 'queued' AND waits = 0 AND type = lane.type AND tenant = lane.tenant
                AND run_at_ms <= (SELECT tai_now_ms())
            ORDER BY rank_ms, task_id LIMIT lane.room) AS head
        """;

    private const string SqliteHeads = """
        SELECT task_id, type, tenant, rank_ms, tai_now_ms() - run_at_ms AS waited_ms FROM tai_task_queue
        WHERE state = 'queued' AND waits = 0 AND type = @type AND tenant = @tenant AND run_at_ms <= tai_now_ms()
        ORDER BY rank_ms, task_id LIMIT @room
        """;

    public static async Task<string[]> PickAsync(
        DatabaseSession session, string[] types, int max, TaskWeight free, TaskOptions options)
    {
        if (session.Dialect == Dialect.PostgreSql)
            await session.ScalarAsync<object>("SELECT pg_advisory_xact_lock(@key)", new { key = ClaimLock });
        var budget = new TaskBudget(options, await session.QueryAsync<LaneCount>(Running), free);
        var lanes = (await session.QueryAsync<Lane>(Lanes))
            .Where(lane => types.Contains(lane.Type))
            .Select(lane => (Lane: lane, Room: Math.Min(max, budget.Room(lane.Type, lane.Tenant))))
            .Where(lane => lane.Room > 0)
            .ToList();
        var picked = new List<string>(max);
        foreach (var head in (await HeadsAsync(session, lanes)).OrderBy(head => (head.RankMs, head.TaskId)))
        {
            if (picked.Count == max) break;
            if (budget.TryTake(head.Type, head.Tenant, head.WaitedMs)) picked.Add(head.TaskId);
        }

        return [.. picked];
    }

    private static async Task<IReadOnlyList<Head>> HeadsAsync(
        DatabaseSession session, List<(Lane Lane, int Room)> lanes)
    {
        if (session.Dialect == Dialect.PostgreSql)
        {
            return await session.QueryAsync<Head>(PostgreSqlHeads, new
            {
                types = lanes.Select(lane => lane.Lane.Type).ToArray(),
                tenants = lanes.Select(lane => lane.Lane.Tenant).ToArray(),
                rooms = lanes.Select(lane => lane.Room).ToArray(),
            });
        }

        var heads = new List<Head>();
        foreach (var (lane, room) in lanes)
        {
            heads.AddRange(await session.QueryAsync<Head>(
                SqliteHeads, new { type = lane.Type, tenant = lane.Tenant, room }));
        }

        return heads;
    }

    private sealed class Lane
    {
        public required string Type { get; init; }

        public required string Tenant { get; init; }
    }

    private sealed class Head
    {
        public required string TaskId { get; init; }

        public required string Type { get; init; }

        public required string Tenant { get; init; }

        public long RankMs { get; init; }

        /// <summary>Since it could first have been claimed.</summary>
        public long WaitedMs { get; init; }
    }
}

/// <summary>How many of a type and a tenant run, in every process.</summary>
internal sealed class LaneCount
{
    public required string Type { get; init; }

    public required string Tenant { get; init; }

    public long Count { get; init; }
}
