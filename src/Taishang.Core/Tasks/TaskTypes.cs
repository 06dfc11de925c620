using System.Collections.Concurrent;
using Taishang.Executors.Loading;

namespace Taishang.Core.Tasks;

/// <summary>
/// What is known of types of tasks beyond this life of this process: a type that an ai worker has had is one that tasks
/// are created with, also before any worker was met, and also when another process met it.
/// </summary>
internal sealed class TaskTypes(TaskExecutors executors, TaskTypeStore store)
{
    /// <summary>Types that are looked for in one request.</summary>
    private const int LooksMax = 16;

    private readonly ConcurrentDictionary<string, bool> _written = new(StringComparer.Ordinal);

    /// <summary>
    /// Looks for those that this process has never met, so that <see cref="TaskExecutors.Find"/> knows them, and writes
    /// down those that it met and no other may know: the type of a task that is made is known from then on.
    /// </summary>
    public async Task LookAsync(IEnumerable<string?> types, CancellationToken cancellation)
    {
        foreach (var type in types.OfType<string>().Distinct().Where(PlugInFolder.IsTypeName).Take(LooksMax))
        {
            if (executors.Find(type) is not { } executor)
            {
                if (await store.FindAsync(type, cancellation) is not null) executors.Remember(type);
            }
            else if (executor is WorkerTaskExecutor && !_written.ContainsKey(type)
                && executors.ServedBy(type) is { Count: > 0 } served)
            {
                await store.WriteAsync(served, cancellation);
                _written[type] = true;
            }
        }
    }

    public Task LookAsync(string? type, CancellationToken cancellation) => LookAsync([type], cancellation);

    /// <summary>The task as it is shown, with who is missing where it waits for an executor that is away.</summary>
    public async Task<TaskView> ViewAsync(AiTask task, CancellationToken cancellation)
    {
        var view = TaskView.Of(task);
        if (task.State != TaskState.Queued || executors.Types.Contains(task.Type)) return view;
        var seen = await store.FindAsync(task.Type, cancellation);
        return view with { ExecutorAway = new ExecutorAwayView(seen?.WorkerId, seen?.SeenAt) };
    }
}

/// <summary>Nobody who is connected runs tasks of the type; it waits, and uses up no attempt.</summary>
/// <param name="WorkerId">The ai worker that had it last; null when none ever had.</param>
/// <param name="SeenAt">When that worker was last seen with it.</param>
internal sealed record ExecutorAwayView(string? WorkerId, DateTimeOffset? SeenAt);
