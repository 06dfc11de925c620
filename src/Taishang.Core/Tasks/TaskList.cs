using Taishang.Core.Data;

namespace Taishang.Core.Tasks;

/// <summary>What a list of tasks is asked for; null asks for nothing.</summary>
internal sealed record TaskFilter
{
    public string? Type { get; init; }

    public string? Status { get; init; }

    public string? ParentId { get; init; }

    public int? Priority { get; init; }

    public DateTimeOffset? CreatedFrom { get; init; }

    /// <summary>Exclusive.</summary>
    public DateTimeOffset? CreatedTo { get; init; }

    public string? LabelKey { get; init; }

    public string? LabelValue { get; init; }
}

/// <summary>
/// Lists tasks across months. The total is the sum over the months, exact; a page is filled from the newest month that
/// it reaches. In the default order, by id and so by time, months that the page skips are only counted.
/// </summary>
internal sealed class TaskList(Database database, MonthlyTables tables)
{
    private const string Matches = """
        (@type IS NULL OR type = @type) AND (@status IS NULL OR status = @status)
        AND (@parentId IS NULL OR parent_id = @parentId) AND (@priority IS NULL OR priority = @priority)
        AND (@fromId IS NULL OR id >= @fromId) AND (@toId IS NULL OR id < @toId)
        """;

    private const string SqliteMatches =
        Matches + " AND (@labelKey IS NULL OR json_extract(labels, '$.\"' || @labelKey || '\"') = @labelValue)";

    // The casts give the server types for parameters that are null.
    private const string PostgreSqlMatches = """
        (@type::text IS NULL OR type = @type) AND (@status::text IS NULL OR status = @status)
        AND (@parentId::text IS NULL OR parent_id = @parentId) AND (@priority::int IS NULL OR priority = @priority)
        AND (@fromId::text IS NULL OR id >= @fromId) AND (@toId::text IS NULL OR id < @toId)
        AND (@labelKey::text IS NULL OR labels::json ->> @labelKey = @labelValue)
        """;

    /// <summary>The order of each sort; ids are in the order of creation, and break all ties.</summary>
    private static readonly Dictionary<(string Field, bool Descending), string> Orders = new()
    {
        [("created_at", false)] = "id",
        [("created_at", true)] = "id DESC",
        [("updated_at", false)] = "updated_at, id",
        [("updated_at", true)] = "updated_at DESC, id DESC",
        [("priority", false)] = "priority, id",
        [("priority", true)] = "priority DESC, id DESC",
    };

    public static readonly string[] SortFields = ["created_at", "updated_at", "priority"];

    public async Task<(IReadOnlyList<AiTask> Tasks, long Total)> ReadAsync(
        TaskFilter filter, string sortField, bool descending, (long Skip, int Take) page,
        CancellationToken cancellation)
    {
        var months = Months(filter).ToArray();
        if (months.Length == 0) return ([], 0);
        return await database.ReadAsync(
            async session =>
            {
                var matches = session.Dialect == Dialect.Sqlite ? SqliteMatches : PostgreSqlMatches;
                var counts = new List<(Month Month, long Count)>();
                foreach (var month in months)
                {
                    var sql = MonthlyTable.Sql($"SELECT count(*) FROM tai_tasks_{{month}} WHERE {matches}", month);
                    var count = await session.ScalarAsync<long>(sql, Parameters(filter, page));
                    if (count > 0) counts.Add((month, count));
                }

                var total = counts.Sum(month => month.Count);
                if (page.Skip >= total) return ([], total);
                var order = Orders[(sortField, descending)];
                var (reached, skip) = sortField == "created_at"
                    ? Reach(descending ? counts : [.. counts.AsEnumerable().Reverse()], page)
                    : (counts, page.Skip);
                var union = string.Join(" UNION ALL ", reached.Select(month => MonthlyTable.Sql(
                    $"SELECT {TaskStore.Columns} FROM tai_tasks_{{month}} WHERE {matches}", month.Month)));
                var tasks = await session.QueryAsync<AiTask>(
                    $"SELECT {TaskStore.Columns} FROM ({union}) AS months ORDER BY {order} LIMIT @take OFFSET @skip",
                    Parameters(filter, (skip, page.Take)));
                return (tasks, total);
            },
            cancellation);
    }

    /// <summary>The months that a page touches, in list order, and what is to skip in the first of them.</summary>
    private static (List<(Month Month, long Count)> Months, long Skip) Reach(
        List<(Month Month, long Count)> counts, (long Skip, int Take) page)
    {
        var reached = new List<(Month Month, long Count)>();
        var skip = page.Skip;
        long taken = 0;
        foreach (var month in counts)
        {
            if (reached.Count == 0 && skip >= month.Count)
            {
                skip -= month.Count;
                continue;
            }

            reached.Add(month);
            taken += month.Count;
            if (taken - skip >= page.Take) break;
        }

        return (reached, skip);
    }

    /// <summary>Newest first.</summary>
    private IEnumerable<Month> Months(TaskFilter filter) => tables.Known(MonthlyTable.Tasks).Where(month =>
        (filter.CreatedFrom is not { } from || month.Next().Start > from)
        && (filter.CreatedTo is not { } to || month.Start < to));

    private static object Parameters(TaskFilter filter, (long Skip, int Take) page) => new
    {
        type = filter.Type,
        status = filter.Status,
        parentId = filter.ParentId,
        priority = filter.Priority,
        fromId = filter.CreatedFrom is { } from ? RowId.First(from) : null,
        toId = filter.CreatedTo is { } to ? RowId.First(to) : null,
        labelKey = filter.LabelKey,
        labelValue = filter.LabelValue,
        skip = page.Skip,
        take = page.Take,
    };
}
