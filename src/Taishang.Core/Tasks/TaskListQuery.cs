using Taishang.Core.Data;

namespace Taishang.Core.Tasks;

/// <summary>
/// The statements of lists that walk no lanes. Texts are fixed; what the caller says travels as parameters. Each gives
/// ids alone, in the order of an index; rows are read for the page.
/// </summary>
internal static class TaskListQuery
{
    private const string ById = "FROM tai_tasks_{month} WHERE id > @low AND id < @high";

    private const string ByParent =
        "FROM tai_tasks_{month} WHERE parent_id = @parentId AND id > @low AND id < @high";

    private const string ByLabel = """
        FROM tai_task_labels_{month}
        WHERE label_key = @labelKey AND label_value = @labelValue AND task_id > @low AND task_id < @high
        """;

    private const string SqliteLabelled = """
        SELECT task_id FROM tai_task_labels_{month}
        WHERE label_key = @labelKey AND label_value = @labelValue AND task_id IN @ids
        """;

    /// <summary>Each by itself: the planner would else read the whole label for a few of its tasks.</summary>
    private const string PostgreSqlLabelled = """
        SELECT l.task_id FROM unnest(@ids) AS i (id) CROSS JOIN LATERAL (
            SELECT task_id FROM tai_task_labels_{month}
            WHERE label_key = @labelKey AND label_value = @labelValue AND task_id = i.id LIMIT 1) AS l
        """;

    private const string Rows = $"SELECT {TaskStore.Columns} FROM tai_tasks_{{month}} WHERE id";

    private const string Briefs = "SELECT id, status, type, priority, updated_at FROM tai_tasks_{month} WHERE id";

    /// <summary>How many there are in the range, of an owner when one is asked for.</summary>
    public static string Count(TaskFilter filter, Month month) =>
        MonthlyTable.Sql("SELECT count(*) " + From(filter), month);

    /// <summary>Ids in the order of creation.</summary>
    public static string Ids(TaskFilter filter, Month month, bool descending)
    {
        var id = filter is { LabelKey: not null, ParentId: null } ? "task_id" : "id";
        var order = descending ? id + " DESC" : id;
        return MonthlyTable.Sql(
            $"SELECT {id} {From(filter)} ORDER BY {order} LIMIT @take OFFSET @skip", month);
    }

    /// <summary>
    /// Ids by the last change, over all months. Each month gives its first by itself: over a plain union the planner
    /// would read the months whole and sort them.
    /// </summary>
    public static string Updated(IEnumerable<Month> months, bool descending)
    {
        var order = descending ? "updated_at DESC, id DESC" : "updated_at, id";
        var ofMonth = $"SELECT id, updated_at FROM tai_tasks_{{month}} ORDER BY {order} LIMIT @end";
        var union = string.Join(" UNION ALL ", months.Select(month => MonthlyTable.Sql(
            $"SELECT * FROM ({ofMonth}) AS m{{month}}", month)));
        return $"SELECT id FROM ({union}) AS months ORDER BY {order} LIMIT @take OFFSET @skip";
    }

    /// <summary>Those of some ids that have the label too.</summary>
    public static string Labelled(Dialect dialect, Month month) =>
        MonthlyTable.Sql(dialect == Dialect.PostgreSql ? PostgreSqlLabelled : SqliteLabelled, month);

    public static string RowsOf(Dialect dialect, Month month) => MonthlyTable.Sql(Rows + Among(dialect), month);

    public static string BriefsOf(Dialect dialect, Month month) => MonthlyTable.Sql(Briefs + Among(dialect), month);

    private static string From(TaskFilter filter) =>
        filter.ParentId is not null ? ByParent : filter.LabelKey is not null ? ByLabel : ById;

    private static string Among(Dialect dialect) => dialect == Dialect.PostgreSql ? " = ANY(@ids)" : " IN @ids";
}
