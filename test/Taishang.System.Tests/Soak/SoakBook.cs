using System.Collections.Concurrent;

namespace Taishang.System.Tests.Soak;

/// <summary>What the callers were told: every task that was acknowledged, and how it may end.</summary>
internal sealed class SoakBook
{
    public const string Collection = "soak";

    private readonly ConcurrentDictionary<string, SoakTask> _tasks = new();
    private int _number;

    public IReadOnlyDictionary<string, SoakTask> Tasks => _tasks;

    /// <summary>A name that no other task has; it becomes a label and the Idempotency-Key.</summary>
    public string NextName() => $"n{Interlocked.Increment(ref _number)}";

    /// <summary>Two callers may be told of one task: one unique key.</summary>
    public void Add(SoakTask task) => _tasks.TryAdd(task.Id, task);

    public void Change(string id, Func<SoakTask, SoakTask> change) =>
        _tasks.AddOrUpdate(id, _ => throw new InvalidOperationException($"task {id} is not known"),
            (_, task) => change(task));

    /// <summary>Tasks whose end nobody meddles with: others may depend on them.</summary>
    public SoakTask? Any(Random random, params string[] kinds)
    {
        var fit = _tasks.Values.Where(task => kinds.Contains(task.Kind)).OrderByDescending(task => task.Id)
            .Take(20).ToArray();
        return fit.Length == 0 ? null : fit[random.Next(fit.Length)];
    }
}

/// <param name="Kind">What it is there for.</param>
/// <param name="Ends">How it may end.</param>
internal sealed record SoakTask(string Id, string Kind, params string[] Ends)
{
    /// <summary>What the ledger is paid if it completes.</summary>
    public long Amount { get; init; }

    /// <summary>Rows that it writes into the collection.</summary>
    public IReadOnlyList<string> Rows { get; init; } = [];

    public IReadOnlyList<string> Parents { get; init; } = [];

    /// <summary>It is cancelled when one of its parents does not complete, and only then.</summary>
    public bool CancelsWithParents { get; init; }

    public DateTimeOffset? NotBefore { get; init; }

    /// <summary>Attempts that fail by themselves.</summary>
    public int Failures { get; init; }

    /// <summary>Times that a caller asked for a retry and was told that it was granted.</summary>
    public int Retries { get; init; }

    /// <summary>A caller was told so, and nobody asked for anything after it.</summary>
    public bool CancelAcknowledged { get; init; }
}
