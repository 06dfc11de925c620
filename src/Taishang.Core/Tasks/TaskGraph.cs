using Taishang.Core.Api;

namespace Taishang.Core.Tasks;

/// <summary>
/// Tasks that are created together and depend on each other by keys of the request's. They are put into rounds: those
/// of a round depend on earlier rounds and on tasks that exist already.
/// </summary>
internal static class TaskGraph
{
    public const int TasksMax = 100;
    public const int KeyCharactersMax = 100;

    /// <summary>Checks keys and what they lead to.</summary>
    /// <exception cref="ApiException">A key is missing or there twice, or the tasks wait for each other in a circle.
    /// </exception>
    public static List<List<int>> Rounds(IReadOnlyList<TaskGraphNode> nodes)
    {
        var byKey = Keys(nodes);
        var waiting = new Dictionary<int, HashSet<int>>();
        for (var i = 0; i < nodes.Count; i++)
            waiting[i] = [.. (nodes[i].DependsOn ?? []).Where(byKey.ContainsKey).Select(key => byKey[key])];
        var rounds = new List<List<int>>();
        while (waiting.Count > 0)
        {
            var round = waiting.Where(node => node.Value.Count == 0).Select(node => node.Key).Order().ToList();
            if (round.Count == 0) throw Circle(nodes, waiting);
            foreach (var done in round) waiting.Remove(done);
            foreach (var left in waiting.Values) left.ExceptWith(round);
            rounds.Add(round);
        }

        return rounds;
    }

    private static Dictionary<string, int> Keys(IReadOnlyList<TaskGraphNode> nodes)
    {
        var errors = new FieldErrors();
        if (nodes.Count is 0 or > TasksMax)
            errors.Add(ErrorCodes.InvalidArgument, "tasks", $"expected 1 to {TasksMax}, came {nodes.Count}");
        var byKey = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < nodes.Count; i++)
        {
            var key = nodes[i]?.Key;
            if (key is not { Length: > 0 and <= KeyCharactersMax })
            {
                errors.Add(ErrorCodes.InvalidArgument, $"tasks[{i}].key",
                    $"expected 1 to {KeyCharactersMax} characters");
            }
            else if (!byKey.TryAdd(key, i))
            {
                errors.Add(ErrorCodes.InvalidArgument, $"tasks[{i}].key", $"the key of tasks[{byKey[key]}] too");
            }
        }

        errors.ThrowIfAny();
        return byKey;
    }

    /// <summary>Every task that is left waits for another that is left: following them must come round.</summary>
    private static ApiException Circle(IReadOnlyList<TaskGraphNode> nodes, Dictionary<int, HashSet<int>> waiting)
    {
        var path = new List<int> { waiting.Keys.Min() };
        while (true)
        {
            var next = waiting[path[^1]].Min();
            var seen = path.IndexOf(next);
            path.Add(next);
            if (seen < 0) continue;
            var circle = string.Join(" → ", path.Skip(seen).Select(i => nodes[i].Key));
            return new ApiException(
                ErrorCodes.TaskGraphInvalid, $"tasks: expected no circle of dependencies, came {circle}",
                [new FieldError($"tasks[{next}].depends_on", ErrorCodes.TaskGraphInvalid.Number, circle)]);
        }
    }
}

/// <summary>A task of a graph.</summary>
internal sealed record TaskGraphNode : TaskCreateRequest
{
    /// <summary>Its name within the request, for others' <c>depends_on</c>.</summary>
    public required string Key { get; init; }
}

/// <summary>The body of POST /tasks/graph.</summary>
internal sealed record TaskGraphRequest
{
    public required TaskGraphNode[] Tasks { get; init; }
}
