using Taishang.Executors;

namespace Taishang.Core.Tasks.Watching;

/// <summary>A row of tai_task_logs_YYYYMM.</summary>
internal sealed record TaskLogLine
{
    /// <summary>Grows over the lines of a task, over its attempts too.</summary>
    public long Seq { get; init; }

    public int Attempt { get; init; }

    /// <summary>debug, info, warning or error.</summary>
    public required string Level { get; init; }

    public required string Message { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    public static readonly string[] Levels = ["debug", "info", "warning", "error"];

    public static string Word(TaskLogLevel level) => level switch
    {
        TaskLogLevel.Debug => "debug",
        TaskLogLevel.Warning => "warning",
        TaskLogLevel.Error => "error",
        _ => "info",
    };
}

/// <summary>The line as the API shows it.</summary>
internal sealed record TaskLogView(int Attempt, string Level, string Message, DateTimeOffset CreatedAt)
{
    public static TaskLogView Of(TaskLogLine line) => new(line.Attempt, line.Level, line.Message, line.CreatedAt);
}
