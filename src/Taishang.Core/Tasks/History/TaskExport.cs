using System.IO.Compression;
using System.Text.Json;
using Taishang.Core.Api;
using Taishang.Core.Data;
using Taishang.Core.Tasks.Watching;

namespace Taishang.Core.Tasks.History;

/// <summary>
/// Writes a month of tasks with their trails, logs and answers as JSON Lines, one task a line, compressed with gzip.
/// The file is written aside, synced and renamed: under its name it is whole.
/// </summary>
internal sealed class TaskExport(string folder)
{
    private const int PageMax = 500;

    private const string Page = $"""
        SELECT {TaskStore.Columns} FROM tai_tasks_{"{month}"} WHERE id > @after ORDER BY id LIMIT @take
        """;

    private const string Events = """
        SELECT id, task_id, seq, verb, from_state, to_state, attempt, actor, reason, feed, created_at
        FROM tai_task_events_{month} WHERE task_id >= @first AND task_id <= @last ORDER BY task_id, seq
        """;

    private const string Logs = """
        SELECT task_id, seq, attempt, level, message, created_at
        FROM tai_task_logs_{month} WHERE task_id >= @first AND task_id <= @last ORDER BY task_id, seq
        """;

    private const string Answers = """
        SELECT task_id, number, answer
        FROM tai_task_answers_{month} WHERE task_id >= @first AND task_id <= @last ORDER BY task_id, number
        """;

    private const string Costs = """
        SELECT task_id, attempt, tokens, ai_ms
        FROM tai_task_costs_{month} WHERE task_id >= @first AND task_id <= @last ORDER BY task_id, fence
        """;

    /// <summary>The file of a month.</summary>
    public string FileOf(Month month) => Path.Combine(folder, $"tai_tasks_{month}.jsonl.gz");

    /// <summary>Writes the month as the session sees it, over any earlier file; returns how many tasks.</summary>
    public async Task<long> WriteAsync(DatabaseSession session, Month month)
    {
        Directory.CreateDirectory(folder);
        var aside = FileOf(month) + ".new";
        long count = 0;
        await using (var file = new FileStream(aside, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 16))
        {
            await using (var lines = new GZipStream(file, CompressionLevel.Optimal, leaveOpen: true))
            {
                var after = "";
                while (await ReadAsync(session, month, after) is { Count: > 0 } tasks)
                {
                    foreach (var task in tasks)
                    {
                        await JsonSerializer.SerializeAsync(lines, task, ApiJson.Options, session.Cancellation);
                        lines.WriteByte((byte)'\n');
                    }

                    after = tasks[^1].Task.Id;
                    count += tasks.Count;
                }
            }

            file.Flush(flushToDisk: true);
        }

        File.Move(aside, FileOf(month), overwrite: true);
        return count;
    }

    private static async Task<List<ExportedTask>> ReadAsync(DatabaseSession session, Month month, string after)
    {
        var tasks = await session.QueryAsync<AiTask>(MonthlyTable.Sql(Page, month), new { after, take = PageMax });
        if (tasks.Count == 0) return [];
        var range = new { first = tasks[0].Id, last = tasks[^1].Id };
        var events = (await session.QueryAsync<TaskEvent>(MonthlyTable.Sql(Events, month), range))
            .ToLookup(line => line.TaskId);
        var logs = (await session.QueryAsync<LogRow>(MonthlyTable.Sql(Logs, month), range))
            .ToLookup(line => line.TaskId);
        var costs = (await session.QueryAsync<AttemptCostRow>(MonthlyTable.Sql(Costs, month), range))
            .ToLookup(line => line.TaskId);
        var answers = (await session.QueryAsync<AnswerRow>(MonthlyTable.Sql(Answers, month), range))
            .ToLookup(line => line.TaskId);
        return
        [
            .. tasks.Select(task => new ExportedTask(
                TaskView.Of(task) with
                {
                    AttemptCosts = costs.Contains(task.Id) ? [.. costs[task.Id].Select(AttemptCostView.Of)] : null,
                },
                [.. events[task.Id].Select(TaskEventView.Of)],
                [.. logs[task.Id].Select(log => new TaskLogView(log.Attempt, log.Level, log.Message, log.CreatedAt))],
                [.. answers[task.Id].Select(TaskAnswerView.Of)])),
        ];
    }

    private sealed class LogRow
    {
        public required string TaskId { get; init; }

        public int Attempt { get; init; }

        public required string Level { get; init; }

        public required string Message { get; init; }

        public DateTimeOffset CreatedAt { get; init; }
    }
}

/// <summary>One line of an export.</summary>
internal sealed record ExportedTask(
    TaskView Task, IReadOnlyList<TaskEventView> Events, IReadOnlyList<TaskLogView> Logs,
    IReadOnlyList<TaskAnswerView> Answers);
