using Taishang.Core.Data;

namespace Taishang.Core.Tasks;

/// <summary>Which live tasks name a model in their payload.</summary>
internal sealed class TaskModels(Database database, MonthlyTables tables)
{
    // The text is looked for first: few payloads name a model, and reading JSON costs more.
    private const string Naming = """
        SELECT id, type AS name, {model} AS reference FROM tai_tasks_{month}
        WHERE status IN ('pending', 'running') AND payload LIKE '%"model"%' AND {model} IS NOT NULL
        ORDER BY id LIMIT @max
        """;

    /// <summary>Of each month the oldest, at most <paramref name="max"/>.</summary>
    public async Task<IReadOnlyList<NamedReference>> ReadAsync(int max, CancellationToken cancellation)
    {
        try
        {
            return await ReadMonthsAsync(max, cancellation);
        }
        catch (Exception e) when (DatabaseFailure.IsMissingTable(e))
        {
            // Another process has dropped a month.
            await tables.RefreshAsync(cancellation);
            return await ReadMonthsAsync(max, cancellation);
        }
    }

    private Task<IReadOnlyList<NamedReference>> ReadMonthsAsync(int max, CancellationToken cancellation) =>
        database.ReadAsync<IReadOnlyList<NamedReference>>(
            async session =>
            {
                var sql = Naming.Replace("{model}", NamedReference.ModelOf(session.Dialect), StringComparison.Ordinal);
                var found = new List<NamedReference>();
                foreach (var month in tables.Known(MonthlyTable.Tasks))
                    found.AddRange(
                        await session.QueryAsync<NamedReference>(MonthlyTable.Sql(sql, month), new { max }));
                return found;
            },
            cancellation);
}
