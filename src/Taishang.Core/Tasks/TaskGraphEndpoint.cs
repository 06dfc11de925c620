using Microsoft.AspNetCore.Http;
using Taishang.Core.Api;
using Taishang.Core.Data;

namespace Taishang.Core.Tasks;

/// <summary>Creates tasks that depend on each other, all or none.</summary>
internal static class TaskGraphEndpoint
{
    public static async Task<IResult> CreateAsync(
        HttpContext context, Database database, TaskStore store, TaskExecutors executors, TaskTypes types,
        TimeProvider time, CancellationToken cancellation)
    {
        var body = await JsonBody.ReadAsync<TaskGraphRequest>(context, cancellation);
        var rounds = TaskGraph.Rounds(body.Tasks);
        await types.LookAsync(body.Tasks.Select(node => (string?)node.Type), cancellation);
        var tasks = Check(body.Tasks, executors);
        var first = context.NewRowId(time);
        for (var i = 0; i < tasks.Length; i++) tasks[i] = tasks[i] with { Id = RowId.Further(first, i) };
        AiTask[] made;
        try
        {
            made = await database.WriteAsync(session => WriteAsync(session, store, body, tasks, rounds), cancellation);
        }
        catch (Exception e) when (DatabaseFailure.IsUniqueViolation(e))
        {
            // The first try of the same request had come this far: its tasks are the answer.
            made = await ReadAsync(store, tasks, cancellation);
        }

        return Envelope.Created(new TaskGraphView([.. made.Select(TaskView.Of)]));
    }

    private static async Task<AiTask[]> WriteAsync(
        DatabaseSession session, TaskStore store, TaskGraphRequest body, NewTask[] tasks, List<List<int>> rounds)
    {
        var made = new AiTask[tasks.Length];
        var ids = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var round in rounds)
        {
            var rows = await store.CreateAsync(session, round.ConvertAll(i => tasks[i] with
            {
                DependsOn = [.. tasks[i].DependsOn.Select(key => ids.GetValueOrDefault(key, key))],
            }));
            for (var i = 0; i < round.Count; i++)
            {
                made[round[i]] = rows[i];
                ids[body.Tasks[round[i]].Key] = rows[i].Id;
            }
        }

        // What came after a row may have changed it.
        for (var i = 0; i < made.Length; i++) made[i] = await store.FindAsync(session, made[i].Id) ?? made[i];
        return made;
    }

    private static async Task<AiTask[]> ReadAsync(TaskStore store, NewTask[] tasks, CancellationToken cancellation)
    {
        var found = new List<AiTask>();
        foreach (var task in tasks)
        {
            if (await store.FindAsync(task.Id ?? "", cancellation) is { } row) found.Add(row);
        }

        return [.. found];
    }

    /// <summary>Each as it would be checked alone; fields are named from the root of the body.</summary>
    private static NewTask[] Check(TaskGraphNode[] nodes, TaskExecutors executors)
    {
        var tasks = new NewTask[nodes.Length];
        for (var i = 0; i < nodes.Length; i++)
        {
            try
            {
                tasks[i] = TaskRequests.Check(nodes[i], executors);
            }
            catch (ApiException e)
            {
                throw new ApiException(
                    e.Code, $"tasks[{i}].{e.Message}",
                    [.. e.Errors.Select(error => error with { Field = $"tasks[{i}].{error.Field}" })], inner: e);
            }
        }

        return tasks;
    }
}

/// <summary>The tasks of a graph, in the order of the request.</summary>
internal sealed record TaskGraphView(IReadOnlyList<TaskView> Tasks);
