using Taishang.Executors;
using Taishang.Executors.Loading;

namespace Taishang.Ai.Tasks;

/// <summary>The executors of this worker by their type.</summary>
internal sealed class WorkerExecutors
{
    private readonly Dictionary<string, ITaskExecutor> _byType;

    /// <exception cref="InvalidDataException">Two are of one type; the message names both.</exception>
    public WorkerExecutors(IEnumerable<ITaskExecutor> executors)
    {
        var all = executors.ToArray();
        PlugInFolder.RequireOneEach(all);
        _byType = all.ToDictionary(executor => executor.Type);
        Types = [.. _byType.Keys.Order(StringComparer.Ordinal)];
    }

    public IReadOnlyList<string> Types { get; }

    public ITaskExecutor? Find(string type) => _byType.GetValueOrDefault(type);
}
