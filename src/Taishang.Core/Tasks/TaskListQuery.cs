using Taishang.Core.Data;

namespace Taishang.Core.Tasks;

/// <summary>
/// The conditions of a list, each there only when it is asked for, so that the planner sees what an index can answer.
/// Texts are fixed; what the caller says travels as parameters.
/// </summary>
internal static class TaskListQuery
{
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

    public static string Count(TaskFilter filter, Dialect dialect, Month month) =>
        MonthlyTable.Sql($"SELECT count(*) FROM tai_tasks_{{month}}{Where(filter, dialect)}", month);

    /// <summary>
    /// A page over some months. Each gives its first rows up to the end of the page by itself: over a plain union the
    /// planner would read the months whole and sort them.
    /// </summary>
    public static string Page(
        TaskFilter filter, Dialect dialect, IEnumerable<Month> months, (string Field, bool Descending) sort)
    {
        var (where, order) = (Where(filter, dialect), Order(filter, sort));
        var ofMonth = $"SELECT {TaskStore.Columns} FROM tai_tasks_{{month}}{where} ORDER BY {order} LIMIT @end";
        var union = string.Join(" UNION ALL ", months.Select(month => MonthlyTable.Sql(
            $"SELECT * FROM ({ofMonth}) AS m{{month}}", month)));
        return $"SELECT {TaskStore.Columns} FROM ({union}) AS months ORDER BY {order} LIMIT @take OFFSET @skip";
    }

    /// <summary>
    /// Of one status the time comes before the id, as in the index of statuses: ids begin with the time, so the order
    /// is the same to the millisecond.
    /// </summary>
    private static string Order(TaskFilter filter, (string Field, bool Descending) sort)
    {
        if (sort.Field != "created_at" || filter.Status is null || filter.Type is not null) return Orders[sort];
        return sort.Descending ? "created_at DESC, id DESC" : "created_at, id";
    }

    private static string Where(TaskFilter filter, Dialect dialect)
    {
        var conditions = new List<string>();
        if (filter.Type is not null) conditions.Add("type = @type");
        if (filter.Status is not null) conditions.Add("status = @status");
        if (filter.ParentId is not null) conditions.Add("parent_id = @parentId");
        if (filter.Priority is not null) conditions.Add("priority = @priority");
        if (filter.CreatedFrom is not null) conditions.Add("id >= @fromId");
        if (filter.CreatedTo is not null) conditions.Add("id < @toId");
        if (filter.LabelKey is not null)
        {
            conditions.Add(dialect == Dialect.Sqlite
                ? "json_extract(labels, '$.\"' || @labelKey || '\"') = @labelValue"
                : "labels::json ->> @labelKey = @labelValue");
        }

        return conditions.Count == 0 ? "" : " WHERE " + string.Join(" AND ", conditions);
    }
}
