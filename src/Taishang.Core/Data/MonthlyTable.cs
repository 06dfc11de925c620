using System.Globalization;

namespace Taishang.Core.Data;

/// <summary>
/// A table that is cut by month. The only place where a name of SQL is formatted: it takes a <see cref="Month"/> and
/// nothing else.
/// </summary>
public sealed class MonthlyTable
{
    public static readonly MonthlyTable Tasks = new("tai_tasks");
    public static readonly MonthlyTable ServiceCalls = new("tai_service_calls");
    public static readonly MonthlyTable TaskEvents = new("tai_task_events");
    public static readonly MonthlyTable TaskLogs = new("tai_task_logs");
    public static readonly MonthlyTable TaskAnswers = new("tai_task_answers");
    public static readonly MonthlyTable TaskCosts = new("tai_task_costs");
    public static readonly MonthlyTable TaskCounts = new("tai_task_counts");
    public static readonly MonthlyTable TaskLabels = new("tai_task_labels");

    /// <summary>In the order in which they are made: what triggers of the tasks write to comes first.</summary>
    public static readonly IReadOnlyList<MonthlyTable> All =
        [TaskCounts, TaskLabels, Tasks, ServiceCalls, TaskEvents, TaskLogs, TaskAnswers, TaskCosts];

    /// <summary>What a month of tasks consists of: they are made and dropped together.</summary>
    public static readonly IReadOnlyList<MonthlyTable> OfTasks =
        [Tasks, TaskEvents, TaskLogs, TaskAnswers, TaskCosts, TaskCounts, TaskLabels];

    private const string MonthMark = "{month}";

    private readonly string _definition;
    private readonly Dictionary<Dialect, string> _beside;

    private MonthlyTable(string name)
    {
        Name = name;
        _definition = Read($"monthly.{name}.sql")
            ?? throw new InvalidOperationException($"db/monthly/{name}.sql is not in the assembly");
        _beside = new()
        {
            [Dialect.Sqlite] = Read($"monthly.sqlite.{name}.sql") ?? "",
            [Dialect.PostgreSql] = Read($"monthly.postgresql.{name}.sql") ?? "",
        };
    }

    /// <summary>Without the month.</summary>
    public string Name { get; }

    /// <summary>The table's name in a month, such as tai_tasks_202611.</summary>
    public string Of(Month month) => $"{Name}_{month}";

    /// <summary>Puts the month into a statement that names its tables with <c>{month}</c>.</summary>
    public static string Sql(string statement, Month month) =>
        statement.Replace(MonthMark, month.ToString(), StringComparison.Ordinal);

    /// <summary>The table and its indexes, without what <see cref="Beside"/> has.</summary>
    internal string Definition(Month month) => Sql(_definition, month);

    /// <summary>What it has on one of the databases alone, such as triggers; may be empty.</summary>
    internal string Beside(Month month, Dialect dialect) => Sql(_beside[dialect], month);

    /// <summary>The month in a table's name; null when the name is another's.</summary>
    internal Month? Parse(string table)
    {
        var digits = table.Length == Name.Length + 7 && table.StartsWith(Name + "_", StringComparison.Ordinal)
            ? table[^6..]
            : "";
        if (!int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return null;
        return number / 100 is >= 2000 and <= 2999 && number % 100 is >= 1 and <= 12
            ? new Month(number / 100, number % 100)
            : null;
    }

    private static string? Read(string resource)
    {
        using var stream = typeof(MonthlyTable).Assembly.GetManifestResourceStream(resource);
        if (stream is null) return null;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
