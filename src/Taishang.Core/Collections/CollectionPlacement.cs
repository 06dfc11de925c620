using Taishang.Core.Data;

namespace Taishang.Core.Collections;

/// <summary>Which worker holds how many collections: what the placing of a new one goes by.</summary>
internal sealed class CollectionPlacement(Database database)
{
    private const string CountSql = """
        SELECT worker_id AS worker_id, COUNT(*) AS count
        FROM tai_vector_collections
        WHERE worker_id IS NOT NULL
        GROUP BY worker_id
        """;

    /// <summary>Workers without any collection are not in it.</summary>
    public async Task<IReadOnlyDictionary<string, long>> CountsByWorkerAsync(CancellationToken cancellation)
    {
        var rows = await database.ReadAsync(session => session.QueryAsync<WorkerCount>(CountSql), cancellation);
        return rows.ToDictionary(row => row.WorkerId, row => row.Count, StringComparer.Ordinal);
    }

    private sealed class WorkerCount
    {
        public string WorkerId { get; init; } = "";

        public long Count { get; init; }
    }
}
