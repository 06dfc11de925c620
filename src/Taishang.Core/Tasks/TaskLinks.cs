using Microsoft.Extensions.Options;
using Taishang.Core.Api;
using Taishang.Core.Data;
using Taishang.Core.Tasks.Watching;

namespace Taishang.Core.Tasks;

/// <summary>
/// What ties tasks to each other: unique keys and dependencies. A task that waits is queued with a count of the parents
/// that have not ended, and is claimed when the count is zero. Whoever ends a parent counts down in the same
/// transaction. Both sides write the parent's row first, so one that ends while another begins to wait for it is
/// either seen as ended or ends after the edge was written.
/// </summary>
public sealed class TaskLinks(
    MonthlyTables tables, TaskDepth depth, TaskSignals signals, IOptions<TaskOptions> options)
{
    /// <summary>Tasks that one may wait for.</summary>
    public const int ParentsMax = 32;

    /// <summary>Tasks that may wait for one, over its whole life: its end moves them all in one transaction.</summary>
    public const int DependentsMax = 1_000;

    /// <summary>The longest line from a task up to one without parents.</summary>
    public const int ChainMax = 100;

    /// <summary>Characters of a unique key.</summary>
    public const int KeyCharactersMax = 200;

    /// <summary>A key may be given up and taken again between two looks; not for ever.</summary>
    private const int LookMax = 5;

    private const string Actor = "dependencies";

    private const string TakeKey = """
        INSERT INTO tai_task_unique_keys (type, unique_key, task_id) VALUES (@type, @key, @id)
        ON CONFLICT DO NOTHING
        """;

    private const string KeyHolder = """
        SELECT task_id FROM tai_task_unique_keys WHERE type = @type AND unique_key = @key
        """;

    private const string Adopt = """
        UPDATE tai_tasks_{month} SET dependents = dependents + 1 WHERE id = @id
        RETURNING id, status, queued_at, chain, dependents
        """;

    private const string AddEdge = """
        INSERT INTO tai_task_dependencies (parent_id, task_id) VALUES (@parent, @id) ON CONFLICT DO NOTHING
        """;

    private const string DropKey = "DELETE FROM tai_task_unique_keys WHERE task_id = @id";

    private const string DropEdgesUp = "DELETE FROM tai_task_dependencies WHERE task_id = @id";

    private const string DropEdgesDown = "DELETE FROM tai_task_dependencies WHERE parent_id = @id RETURNING task_id";

    private const string LockQueued = "SELECT task_id FROM tai_task_queue WHERE task_id = @id FOR UPDATE";

    private const string FindTask = $"SELECT {TaskStore.Columns} FROM tai_tasks_{{month}} WHERE id = @id";

    private const string CountDown = """
        UPDATE tai_task_queue SET
            waits = waits - 1,
            run_at_ms = CASE WHEN run_at_ms < @atMs THEN @atMs ELSE run_at_ms END,
            rank_ms = (CASE WHEN run_at_ms < @atMs THEN @atMs ELSE run_at_ms END) - priority * @step
        WHERE task_id = @id AND state = 'queued' AND waits > 0
        RETURNING waits
        """;

    private readonly long _stepMs = options.Value.PriorityStepMs;

    /// <summary>Takes the key for the task; null when it is the task's now, else the live task that has it.</summary>
    internal static async Task<string?> TakeKeyAsync(DatabaseSession session, string type, string key, string id)
    {
        for (var look = 0; look < LookMax; look++)
        {
            if (await session.ExecuteAsync(TakeKey, new { type, key, id }) == 1) return null;
            if (await session.FindAsync<string>(KeyHolder, new { type, key }) is { } holder) return holder;
        }

        throw new ApiException(
            ErrorCodes.DatabaseUnavailable, $"the unique key '{key}' changes hands faster than it can be read");
    }

    /// <summary>Makes a task wait for those of these that are live.</summary>
    /// <exception cref="ApiException">One does not exist, has too many that wait, or the line grows too long.
    /// </exception>
    internal async Task<TaskTies> TieAsync(
        DatabaseSession session, string id, IReadOnlyList<string> parents, bool mustExist)
    {
        var errors = new FieldErrors();
        var waits = 0;
        var chain = 0;
        var failed = new List<string>();
        // In one order, so that two tasks over the same parents never wait for each other.
        foreach (var parent in parents.Distinct().Order(StringComparer.Ordinal))
        {
            var field = $"depends_on[{IndexOf(parents, parent)}]";
            if (await AdoptAsync(session, parent) is not { } row)
            {
                if (mustExist) errors.Add(ErrorCodes.TaskNotFound, field, "no such task");
                continue;
            }

            if (row.Dependents > DependentsMax)
                errors.Add(ErrorCodes.InvalidArgument, field, $"at most {DependentsMax} tasks may depend on one");
            chain = Math.Max(chain, row.Chain + 1);
            if (chain > ChainMax)
                errors.Add(ErrorCodes.InvalidArgument, field, $"a line of tasks has at most {ChainMax} links");
            var state = TaskTransitions.State(row.Status, row.QueuedAt is not null);
            if (state is TaskState.Failed or TaskState.Cancelled) failed.Add(parent);
            if (TaskTransitions.IsEnded(state)) continue;
            waits++;
            await session.ExecuteAsync(AddEdge, new { parent, id });
        }

        errors.ThrowIfAny();
        return new TaskTies(waits, chain, failed);
    }

    /// <summary>
    /// Gives up the keys of tasks that have ended, and moves on what waited for them, and what waited for that.
    /// </summary>
    internal Task EndAsync(DatabaseSession session, IReadOnlyList<string> ended, DateTimeOffset at) =>
        MoveOnAsync(session, ended, [], at);

    /// <summary>Applies the rules of new tasks of whose parents one had failed before they came.</summary>
    internal async Task SufferAsync(
        DatabaseSession session, IEnumerable<(string Id, string Parent)> tasks, DateTimeOffset at)
    {
        var ended = new List<string>();
        var cancelled = new List<TaskOutcome>();
        foreach (var (id, parent) in tasks) ended.AddRange(await FailAsync(session, id, parent, cancelled, at));
        await MoveOnAsync(session, ended, cancelled, at);
    }

    private async Task MoveOnAsync(
        DatabaseSession session, IReadOnlyList<string> ended, List<TaskOutcome> cancelled, DateTimeOffset at)
    {
        // Each task ends once, and no line of tasks leads back: this comes to an end.
        var next = new Queue<string>(ended);
        while (next.TryDequeue(out var parent))
        {
            await session.ExecuteAsync(DropKey, new { id = parent });
            await session.ExecuteAsync(DropEdgesUp, new { id = parent });
            var children = await session.QueryAsync<string>(DropEdgesDown, new { id = parent });
            if (children.Count == 0) continue;
            var task = await FindAsync(session, parent);
            var completed = task?.State == TaskState.Completed;
            foreach (var child in children.Order(StringComparer.Ordinal))
            {
                if (completed)
                    await CountDownAsync(session, child, parent, at);
                else
                    foreach (var id in await FailAsync(session, child, parent, cancelled, at)) next.Enqueue(id);
            }
        }

        // After those of the ends themselves, in rows of their own: one order for all, so none wait in a ring.
        await TaskFigures.AddAsync(session, cancelled, at, ofDependents: true);
    }

    /// <summary>Applies a task's rule after a parent failed, and returns it when it ended by it and has ties.</summary>
    private async Task<IReadOnlyList<string>> FailAsync(
        DatabaseSession session, string id, string parent, List<TaskOutcome> cancelled, DateTimeOffset at)
    {
        var queued = await LockAsync(session, id);
        if (await FindAsync(session, id) is not { } task || task.State is not (TaskState.Parked or TaskState.Queued))
            return [];
        if (task.OnParentFailure == ParentFailure.Run)
        {
            if (queued) await CountDownAsync(session, id, parent, at);
            return [];
        }

        var verb = task.OnParentFailure == ParentFailure.Park ? TaskVerb.Stop : TaskVerb.Cancel;
        if (TaskTransitions.Next(task.State, verb) is not { } to) return [];
        if (queued)
        {
            await TaskQueueRows.DeleteAsync(session, [id]);
            session.AfterCommit(() => depth.Move(-1));
        }

        if (to == TaskState.Cancelled) cancelled.Add(new TaskOutcome(task.Type, TaskOutcome.Cancelled));
        var move = new TaskMove(id, TaskTransitions.Word(verb), task.State, to, Actor)
        {
            Attempt = task.Attempt,
            Reason = $"task {parent}, which it depends on, failed or was cancelled",
            ErrorMsg = to == TaskState.Cancelled ? $"task {parent}, which it depends on, did not complete" : null,
        };
        return await TaskMoves.WriteAsync(session, [move], at);
    }

    private async Task CountDownAsync(DatabaseSession session, string id, string parent, DateTimeOffset at)
    {
        var left = await session.FindAsync<int?>(
            CountDown, new { id, atMs = at.ToUnixTimeMilliseconds(), step = _stepMs });
        if (left != 0 || await FindAsync(session, id) is not { } task) return;
        await TaskMoves.NoteAsync(session, task, "release", Actor, $"task {parent} ended, the last that it waited for");
        session.AfterCommit(signals.WorkEverywhere);
    }

    private async Task<ParentRow?> AdoptAsync(DatabaseSession session, string id) =>
        Month.OfId(id) is { } month && tables.IsKnown(MonthlyTable.Tasks, month)
            ? await session.FindAsync<ParentRow>(MonthlyTable.Sql(Adopt, month), new { id })
            : null;

    private static async Task<bool> LockAsync(DatabaseSession session, string id)
    {
        var sql = session.Dialect == Dialect.PostgreSql ? LockQueued : LockQueued[..^" FOR UPDATE".Length];
        return await session.FindAsync<string>(sql, new { id }) is not null;
    }

    private static Task<AiTask?> FindAsync(DatabaseSession session, string id)
    {
        var sql = MonthlyTable.Sql(FindTask, TaskMoves.MonthOf(id));
        return session.FindAsync<AiTask>(session.Dialect == Dialect.PostgreSql ? sql + " FOR UPDATE" : sql, new { id });
    }

    private static int IndexOf(IReadOnlyList<string> parents, string parent)
    {
        var index = 0;
        while (parents[index] != parent) index++;
        return index;
    }

    private sealed class ParentRow
    {
        public required string Id { get; init; }

        public required string Status { get; init; }

        public DateTimeOffset? QueuedAt { get; init; }

        public int Chain { get; init; }

        public int Dependents { get; init; }
    }
}

/// <summary>What a task waits for.</summary>
/// <param name="Waits">Parents that have not ended.</param>
/// <param name="Chain">The longest line of parents above it.</param>
/// <param name="Failed">Parents that ended and did not complete.</param>
internal sealed record TaskTies(int Waits, int Chain, IReadOnlyList<string> Failed)
{
    public static readonly TaskTies None = new(0, 0, []);
}
