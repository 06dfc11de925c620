using Taishang.Core.Tasks;

namespace Taishang.System.Tests.Soak;

/// <summary>
/// Whether a trail is a way through the table of transitions, and its task stands where the way ends.
/// </summary>
internal static class TrailRules
{
    private static readonly Dictionary<string, TaskVerb[]> Verbs = new()
    {
        ["start"] = [TaskVerb.Start],
        ["claim"] = [TaskVerb.Claim],
        ["stop"] = [TaskVerb.Stop],
        ["cancel"] = [TaskVerb.Cancel],
        ["complete"] = [TaskVerb.Complete],
        ["fail"] = [TaskVerb.TryAgain, TaskVerb.GiveUp],
        ["rescue"] = [TaskVerb.TryAgain, TaskVerb.GiveUp],
        ["requeue"] = [TaskVerb.HandBack],
        ["retry"] = [TaskVerb.Retry],
    };

    /// <summary>Lines that change no state.</summary>
    private static readonly string[] Notes = ["update", "stop", "cancel", "release", "late"];

    /// <summary>Everything that is wrong with it.</summary>
    public static IEnumerable<string> Faults(SoakRow task, IReadOnlyList<SoakLine> trail)
    {
        if (trail.Count == 0)
        {
            yield return $"{task.Id} has no trail";
            yield break;
        }

        foreach (var fault in Steps(task, trail)) yield return $"{task.Id}, {fault}: {Words(trail)}";
        if (trail.Count != task.Trail) yield return $"{task.Id} has {trail.Count} lines, its row says {task.Trail}";
        if (!Stands(task, trail[^1]))
        {
            yield return
                $"{task.Id} is {task.Status} in attempt {task.Attempt}, its trail ends otherwise: {Words(trail)}";
        }

        var claims = trail.Count(line => line.Verb == "claim");
        if (claims != task.Fence) yield return $"{task.Id} was claimed {claims} times and has the fence {task.Fence}";
        var ends = trail.Count(IsEnd);
        var retries = trail.Count(line => line.Verb == "retry");
        if (ends != retries + 1) yield return $"{task.Id} ended {ends} times over {retries} retries: {Words(trail)}";
        if (task.Attempt > task.MaxAttempts)
            yield return $"{task.Id} had {task.Attempt} of {task.MaxAttempts} attempts";
    }

    /// <summary>The task ended with this line; what is told of it afterwards is not its end.</summary>
    public static bool IsEnd(SoakLine line) =>
        line.To is "completed" or "failed" or "cancelled" && line.From != line.To;

    private static IEnumerable<string> Steps(SoakRow task, IReadOnlyList<SoakLine> trail)
    {
        if (trail[0] is not { Verb: "create", From: null, To: "queued" or "parked", Attempt: 0, Seq: 1 })
            yield return "line 1 is no creation";
        for (var i = 1; i < trail.Count; i++)
        {
            var (before, line) = (trail[i - 1], trail[i]);
            if (line.Seq != i + 1) yield return $"line {i + 1} has the number {line.Seq}";
            if (line.From != before.To) yield return $"line {i + 1} begins where line {i} did not end";
            if (line.From == line.To)
            {
                if (!Notes.Contains(line.Verb)) yield return $"line {i + 1} changes nothing";
                if (line.Attempt != before.Attempt) yield return $"line {i + 1} changes the attempt";
                continue;
            }

            if (!IsLegal(line)) yield return $"line {i + 1} is no transition";
            if (line.Attempt != AttemptAfter(before.Attempt, line)) yield return $"line {i + 1} counts wrongly";
        }
    }

    private static bool IsLegal(SoakLine line) =>
        Verbs.TryGetValue(line.Verb, out var verbs) && line.From is not null
        && verbs.Any(verb => TaskTransitions.Next(State(line.From), verb) == State(line.To));

    private static TaskState State(string word) => Enum.Parse<TaskState>(word, ignoreCase: true);

    /// <summary>A stop and a hand-back give the attempt back; a retry counts anew.</summary>
    private static int AttemptAfter(int before, SoakLine line) => line switch
    {
        { Verb: "claim" } => before + 1,
        { Verb: "stop" or "requeue", From: "running" } => before - 1,
        { Verb: "retry" } => 0,
        _ => before,
    };

    private static bool Stands(SoakRow task, SoakLine last) =>
        task.Attempt == last.Attempt
        && (last.To is "queued" or "parked"
            ? task.Status == "pending" && task.IsQueued == (last.To == "queued")
            : task.Status == last.To);

    private static string Words(IEnumerable<SoakLine> trail) =>
        string.Join(", ", trail.Select(line => $"{line.Verb} {line.To} {line.Attempt}"));
}
