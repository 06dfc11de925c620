using Taishang.Core.Api;
using Taishang.Core.Data;

namespace Taishang.Core.Tasks;

/// <summary>
/// Lists tasks across months, each list from one snapshot: ids first, in the order of an index, then the rows of the
/// page. Totals are exact: they are sums of counts that the database keeps, where a filter asks for whole lanes of
/// whole months, and else counted in an index.
/// </summary>
internal sealed class TaskList(Database database, MonthlyTables tables)
{
    public static readonly string[] SortFields = ["created_at", "updated_at", "priority"];

    /// <summary>Tasks that are read and sorted where no index has the order that is asked for.</summary>
    public int SortedMax { get; init; } = 10_000;

    /// <summary>Ids in one statement: few beside a month, so that no planner reads all of it for them.</summary>
    private const int IdsMax = 200;

    private static readonly TimeSpan UncountedPause = TimeSpan.FromSeconds(5);

    /// <exception cref="ApiException">
    /// No index has the order, and too many tasks fit; or a month of an earlier version is being indexed.
    /// </exception>
    public async Task<(IReadOnlyList<AiTask> Tasks, long Total)> ReadAsync(
        TaskFilter filter, string sortField, bool descending, (long Skip, int Take) page,
        CancellationToken cancellation)
    {
        var sort = new ListSort(sortField, descending);
        try
        {
            return await ReadAsync(filter, sort, page, cancellation);
        }
        catch (Exception e) when (DatabaseFailure.IsMissingTable(e))
        {
            // Another process has dropped a month.
            await tables.RefreshAsync(cancellation);
            return await ReadAsync(filter, sort, page, cancellation);
        }
    }

    private async Task<(IReadOnlyList<AiTask> Tasks, long Total)> ReadAsync(
        TaskFilter filter, ListSort sort, (long Skip, int Take) page, CancellationToken cancellation)
    {
        var months = await MonthsAsync(filter, sort.Descending, cancellation);
        if (months.Length == 0) return ([], 0);
        return await database.ReadAsync(
            session => session.InSnapshotAsync(async () =>
            {
                var (ids, total) = await IdsAsync(session, filter, sort, page, months);
                return (await RowsAsync(session, ids), total);
            }),
            cancellation);
    }

    private Task<(IReadOnlyList<string> Ids, long Total)> IdsAsync(
        DatabaseSession session, TaskFilter filter, ListSort sort, (long Skip, int Take) page, Month[] months) =>
        TaskWalks.Of(filter, sort.Field) switch
        {
            TaskWalk.Ids or TaskWalk.Owner => WalkIdsAsync(session, filter, sort, page, months),
            TaskWalk.Updates => WalkUpdatesAsync(session, filter, sort, page, months),
            TaskWalk.Lanes => WalkLanesAsync(session, filter, sort, page, months),
            _ => SortAsync(session, filter, sort, page, months),
        };

    /// <summary>Ids are in the order of time, so months follow one another.</summary>
    private static async Task<(IReadOnlyList<string> Ids, long Total)> WalkIdsAsync(
        DatabaseSession session, TaskFilter filter, ListSort sort, (long Skip, int Take) page, Month[] months)
    {
        var counts = new List<(Month Month, long Count)>();
        foreach (var month in months)
        {
            // An index of a parent or a label is counted: how many it has, only it knows.
            var kept = !filter.HasOwner && IdRange.Of(filter).Covers(month);
            counts.Add((month, kept
                ? (await TaskLanes.ReadAsync(session, [month], filter)).Sum(lane => lane.Count)
                : await session.ScalarAsync<long>(
                    TaskListQuery.Count(filter, month), Parameters(filter, page))));
        }

        var ids = new List<string>(page.Take);
        var skip = page.Skip;
        foreach (var (month, count) in counts)
        {
            if (ids.Count < page.Take && skip < count)
            {
                ids.AddRange(await session.QueryAsync<string>(
                    TaskListQuery.Ids(filter, month, sort.Descending),
                    Parameters(filter, (skip, page.Take - ids.Count))));
            }

            skip = Math.Max(0, skip - count);
        }

        return (ids, counts.Sum(month => month.Count));
    }

    private static async Task<(IReadOnlyList<string> Ids, long Total)> WalkUpdatesAsync(
        DatabaseSession session, TaskFilter filter, ListSort sort, (long Skip, int Take) page, Month[] months)
    {
        var lanes = await TaskLanes.ReadAsync(session, months, filter);
        var total = lanes.Sum(lane => lane.Count);
        if (page.Skip >= total) return ([], total);
        var ids = await session.QueryAsync<string>(
            TaskListQuery.Updated(lanes.Select(lane => lane.Month).Distinct(), sort.Descending),
            Parameters(filter, page));
        return (ids, total);
    }

    /// <summary>
    /// Groups of lanes follow one another, months by the time of creation and priorities of a month before that when
    /// they are the sort. What the page skips of whole groups is known by their counts.
    /// </summary>
    private static async Task<(IReadOnlyList<string> Ids, long Total)> WalkLanesAsync(
        DatabaseSession session, TaskFilter filter, ListSort sort, (long Skip, int Take) page, Month[] months)
    {
        var lanes = await TaskLanes.ReadAsync(session, months, filter);
        var byMonth = lanes.GroupBy(lane => (Priority: sort.Field == "priority" ? lane.Priority : 0, lane.Month));
        // The months are in order, and a sort of groups keeps the order of equals.
        var groups = sort.Descending
            ? byMonth.OrderByDescending(group => group.Key.Priority)
            : byMonth.OrderBy(group => group.Key.Priority);
        var ids = new List<string>(page.Take);
        var skip = page.Skip;
        foreach (var group in groups)
        {
            var count = group.Sum(lane => lane.Count);
            if (ids.Count < page.Take && skip < count)
            {
                ids.AddRange(await TaskLanes.MergeAsync(
                    session, [.. group], IdRange.Of(filter), sort.Descending, (skip, page.Take - ids.Count)));
            }

            skip = Math.Max(0, skip - count);
        }

        return (ids, lanes.Sum(lane => lane.Count));
    }

    /// <summary>Reads what the narrowest index leaves, and sorts it here.</summary>
    private async Task<(IReadOnlyList<string> Ids, long Total)> SortAsync(
        DatabaseSession session, TaskFilter filter, ListSort sort, (long Skip, int Take) page, Month[] months)
    {
        var ids = filter.HasOwner
            ? await OfOwnerAsync(session, filter, months)
            : await OfLanesAsync(session, filter, months);
        if (ids is null) throw TooMany(filter, sort);
        var briefs = await ByIdAsync<TaskBrief>(session, ids, TaskListQuery.BriefsOf);
        var fitting = briefs.Where(brief => filter.Fits(brief.Status, brief.Type, brief.Priority)).ToList();
        fitting.Sort((a, b) => (sort.Descending ? -1 : 1) * Compare(a, b, sort.Field));
        return ([.. fitting.Skip((int)Math.Min(page.Skip, int.MaxValue)).Take(page.Take).Select(one => one.Id)],
            fitting.Count);
    }

    /// <summary>Null when there are too many.</summary>
    private async Task<List<string>?> OfOwnerAsync(
        DatabaseSession session, TaskFilter filter, Month[] months)
    {
        var ids = new List<string>();
        foreach (var month in months)
        {
            var found = await session.QueryAsync<string>(
                TaskListQuery.Ids(filter, month, descending: true),
                Parameters(filter, (0, SortedMax + 1 - ids.Count)));
            ids.AddRange(found);
            if (ids.Count > SortedMax) return null;
        }

        if (filter is not { ParentId: not null, LabelKey: not null }) return ids;
        return [.. await ByIdAsync<string>(session, ids, TaskListQuery.Labelled, filter)];
    }

    /// <summary>Null when there are too many.</summary>
    private async Task<List<string>?> OfLanesAsync(
        DatabaseSession session, TaskFilter filter, Month[] months)
    {
        var lanes = await TaskLanes.ReadAsync(session, months, filter);
        if (lanes.Sum(lane => lane.Count) > SortedMax) return null;
        var ids = new List<string>();
        foreach (var lane in lanes)
        {
            ids.AddRange(await TaskLanes.IdsAsync(
                session, lane, IdRange.Of(filter), descending: true, (0, SortedMax)));
        }

        return ids;
    }

    private static async Task<IReadOnlyList<AiTask>> RowsAsync(DatabaseSession session, IReadOnlyList<string> ids)
    {
        var rows = (await ByIdAsync<AiTask>(session, ids, TaskListQuery.RowsOf)).ToDictionary(task => task.Id);
        return [.. ids.Select(id => rows[id])];
    }

    private static async Task<List<T>> ByIdAsync<T>(
        DatabaseSession session, IReadOnlyList<string> ids, Func<Dialect, Month, string> sql,
        TaskFilter? filter = null)
    {
        var rows = new List<T>(ids.Count);
        foreach (var month in ids.GroupBy(TaskMoves.MonthOf))
        {
            foreach (var piece in month.Chunk(IdsMax))
            {
                rows.AddRange(await session.QueryAsync<T>(
                    sql(session.Dialect, month.Key),
                    new { ids = piece, labelKey = filter?.LabelKey, labelValue = filter?.LabelValue }));
            }
        }

        return rows;
    }

    private static int Compare(TaskBrief a, TaskBrief b, string field)
    {
        var first = field switch
        {
            "priority" => a.Priority.CompareTo(b.Priority),
            "updated_at" => a.UpdatedAt.CompareTo(b.UpdatedAt),
            _ => 0,
        };
        return first != 0 ? first : string.CompareOrdinal(a.Id, b.Id);
    }

    private ApiException TooMany(TaskFilter filter, ListSort sort)
    {
        var field = filter.ParentId is not null ? "parent_id" : filter.LabelKey is not null ? "label" : "sort";
        var why = $"more than {SortedMax} tasks fit, and no index has them "
            + (filter.HasOwner ? $"by {sort.Field} with the other filters" : $"by {sort.Field} under these filters")
            + ": narrow created_from and created_to, or "
            + (filter.HasOwner ? "leave the other filters and the sort out" : "sort by created_at or priority");
        return new ApiException(
            ErrorCodes.InvalidArgument, $"{field}: {why}",
            [new FieldError(field, ErrorCodes.InvalidArgument.Number, why)]);
    }

    /// <summary>The months that can have some, in the order of the list.</summary>
    private async Task<Month[]> MonthsAsync(TaskFilter filter, bool descending, CancellationToken cancellation)
    {
        var months = Months(filter);
        if (!months.All(tables.IsCounted))
        {
            await tables.RefreshAsync(cancellation);
            months = Months(filter);
        }

        if (months.Any(month => !tables.IsCounted(month)))
        {
            throw new ApiException(
                ErrorCodes.DatabaseUnavailable,
                $"tasks of {months.First(month => !tables.IsCounted(month))} are being indexed after an update",
                retryAfter: UncountedPause);
        }

        return descending ? months : [.. months.Reverse()];
    }

    /// <summary>Newest first.</summary>
    private Month[] Months(TaskFilter filter) => [.. tables.Known(MonthlyTable.Tasks).Where(month =>
        (filter.CreatedFrom is not { } from || month.Next().Start > from)
        && (filter.CreatedTo is not { } to || month.Start < to))];

    private static object Parameters(TaskFilter filter, (long Skip, int Take) page)
    {
        var range = IdRange.Of(filter);
        return new
        {
            parentId = filter.ParentId,
            labelKey = filter.LabelKey,
            labelValue = filter.LabelValue,
            low = range.Low,
            high = range.High,
            skip = page.Skip,
            take = page.Take,
            end = page.Skip + page.Take,
        };
    }

    private sealed class TaskBrief
    {
        public required string Id { get; init; }

        public required string Status { get; init; }

        public required string Type { get; init; }

        public int Priority { get; init; }

        public DateTimeOffset UpdatedAt { get; init; }
    }
}
