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
    public static readonly string[] SortFields = ["created_at", "updated_at", "priority"];

    public async Task<(IReadOnlyList<AiTask> Tasks, long Total)> ReadAsync(
        TaskFilter filter, string sortField, bool descending, (long Skip, int Take) page,
        CancellationToken cancellation)
    {
        try
        {
            return await ReadAsync(filter, (sortField, descending), page, cancellation);
        }
        catch (Exception e) when (DatabaseFailure.IsMissingTable(e))
        {
            // Another process has dropped a month.
            await tables.RefreshAsync(cancellation);
            return await ReadAsync(filter, (sortField, descending), page, cancellation);
        }
    }

    private async Task<(IReadOnlyList<AiTask> Tasks, long Total)> ReadAsync(
        TaskFilter filter, (string Field, bool Descending) sort, (long Skip, int Take) page,
        CancellationToken cancellation)
    {
        var months = Months(filter).ToArray();
        if (months.Length == 0) return ([], 0);
        return await database.ReadAsync(
            async session =>
            {
                var counts = new List<(Month Month, long Count)>();
                foreach (var month in months)
                {
                    var count = await session.ScalarAsync<long>(
                        TaskListQuery.Count(filter, session.Dialect, month), Parameters(filter, page));
                    if (count > 0) counts.Add((month, count));
                }

                var total = counts.Sum(month => month.Count);
                if (page.Skip >= total) return ([], total);
                var (reached, skip) = sort.Field == "created_at"
                    ? Reach(sort.Descending ? counts : [.. counts.AsEnumerable().Reverse()], page)
                    : (counts, page.Skip);
                var tasks = await session.QueryAsync<AiTask>(
                    TaskListQuery.Page(filter, session.Dialect, reached.Select(month => month.Month), sort),
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

    internal static object Parameters(TaskFilter filter, (long Skip, int Take) page) => new
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
        end = page.Skip + page.Take,
    };
}
