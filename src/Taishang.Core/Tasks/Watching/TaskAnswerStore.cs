using System.Text.Json;
using Taishang.Core.Api;
using Taishang.Core.Data;
using Taishang.Executors;

namespace Taishang.Core.Tasks.Watching;

/// <summary>
/// What tasks found, answer by answer: written with the checkpoint that covers them, read by the page. A result is one
/// JSON document that every reader of the task gets; these are asked for.
/// </summary>
internal sealed class TaskAnswerStore(Database database, TaskStore store)
{
    private const string PostgreSqlWrite = """
        INSERT INTO tai_task_answers_{month} (task_id, number, answer)
        SELECT * FROM unnest(@ids, @numbers, @answers)
        ON CONFLICT (task_id, number) DO UPDATE SET answer = excluded.answer
        """;

    private const string SqliteWrite = """
        INSERT INTO tai_task_answers_{month} (task_id, number, answer) VALUES (@id, @number, @answer)
        ON CONFLICT (task_id, number) DO UPDATE SET answer = excluded.answer
        """;

    private const string Read = """
        SELECT number, answer FROM tai_task_answers_{month} WHERE task_id = @id
        ORDER BY CASE WHEN @descending THEN -number ELSE number END LIMIT @take OFFSET @skip
        """;

    private const string Count = "SELECT count(*) FROM tai_task_answers_{month} WHERE task_id = @id";

    /// <exception cref="TaskFailedException">A limit is passed, or it is no JSON object.</exception>
    public static void Check(IReadOnlyList<TaskAnswer> answers)
    {
        var numbers = new HashSet<int>(answers.Count);
        foreach (var (number, json) in answers)
        {
            if (number is < 0 or >= TaskAnswer.CountMax)
                throw Refused($"an answer's number is 0 to {TaskAnswer.CountMax - 1}, came {number}");
            if (!numbers.Add(number)) throw Refused($"answer {number} came twice in one call");
            if (json.Length > TaskAnswer.CharactersMax)
            {
                throw Refused(
                    $"an answer has at most {TaskAnswer.CharactersMax} characters, number {number} has {json.Length}");
            }

            CheckObject(number, json);
        }
    }

    /// <summary>Writes answers of tasks whose rows the caller's transaction has locked.</summary>
    public static async Task WriteAsync(DatabaseSession session, IEnumerable<AttemptProgress> saves)
    {
        var rows = saves.SelectMany(save => save.Answers.Select(answer => (save.Claim.Task.Id, answer)));
        foreach (var month in rows.GroupBy(row => TaskMoves.MonthOf(row.Id)))
        {
            if (session.Dialect == Dialect.PostgreSql)
            {
                var all = month.ToArray();
                await session.ExecuteAsync(MonthlyTable.Sql(PostgreSqlWrite, month.Key), new
                {
                    ids = Array.ConvertAll(all, row => row.Id),
                    numbers = Array.ConvertAll(all, row => row.answer.Number),
                    answers = Array.ConvertAll(all, row => row.answer.Json),
                });
                continue;
            }

            await session.ExecuteAsync(
                MonthlyTable.Sql(SqliteWrite, month.Key),
                month.Select(row => new { id = row.Id, number = row.answer.Number, answer = row.answer.Json }));
        }
    }

    /// <summary>A page of a task's answers, in the order of their numbers unless told otherwise.</summary>
    /// <exception cref="ApiException">No such task.</exception>
    public async Task<(IReadOnlyList<TaskAnswerView> Answers, long Total)> ReadAsync(
        string id, ListQuery query, CancellationToken cancellation)
    {
        var month = TaskMoves.MonthOf((await store.GetAsync(id, cancellation)).Id);
        var parameters = new
        {
            id,
            take = query.PageSize,
            skip = query.Skip,
            descending = query.Sort?.Descending ?? false,
        };
        return await database.ReadAsync(
            async session =>
            {
                var rows = await session.QueryAsync<AnswerRow>(MonthlyTable.Sql(Read, month), parameters);
                var total = await session.ScalarAsync<long>(MonthlyTable.Sql(Count, month), parameters);
                return (rows.Select(TaskAnswerView.Of).ToArray(), total);
            },
            cancellation);
    }

    private static void CheckObject(int number, string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = ApiJson.DepthMax });
            if (document.RootElement.ValueKind == JsonValueKind.Object) return;
        }
        catch (JsonException e)
        {
            throw Refused($"answer {number} is not JSON: {e.Message}");
        }

        throw Refused($"answer {number} is no JSON object");
    }

    private static TaskFailedException Refused(string message) => new(message, retriable: false);
}

/// <summary>A row of tai_task_answers_YYYYMM.</summary>
internal sealed class AnswerRow
{
    public string TaskId { get; init; } = "";

    public int Number { get; init; }

    public required string Answer { get; init; }
}

/// <summary>The answer as the API shows it.</summary>
internal sealed record TaskAnswerView(int Number, JsonElement Answer)
{
    public static TaskAnswerView Of(AnswerRow row)
    {
        using var document = JsonDocument.Parse(row.Answer);
        return new TaskAnswerView(row.Number, document.RootElement.Clone());
    }
}
