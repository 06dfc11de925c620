using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Taishang.Core.Tasks;

namespace Taishang.Core.AiClient;

/// <summary>
/// The connections to all known addresses, and the choice among them: serving ones only, the fewest calls under way
/// first, ties in turn.
/// </summary>
internal sealed class WorkerPool(IOptions<AiClientOptions> options, TimeProvider time, ILogger<WorkerPool> logger)
    : IDisposable
{
    private readonly Lock _gate = new();
    private readonly TaskCompletionSource _looked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly WakeSignal _wake = new(time);
    private readonly List<WorkerConnection> _retired = [];
    private WorkerConnection[] _connections = [];
    private uint _turn;

    public IReadOnlyList<WorkerConnection> Connections => Volatile.Read(ref _connections);

    public bool AnyServing => Connections.Any(connection => connection.Serves(null));

    /// <summary>
    /// Completes after the first round of health checks: before it, "not connected" would be a guess.
    /// </summary>
    public Task Looked => _looked.Task;

    /// <summary>Ids of the workers that serve now.</summary>
    public IReadOnlyList<string> ServingIds() =>
        Connections.Where(connection => connection.Serves(null))
            .Select(connection => connection.State.WorkerId).OfType<string>()
            .Distinct(StringComparer.Ordinal).ToArray();

    /// <summary>Types of tasks that workers which serve now run; none costs nothing.</summary>
    public IReadOnlyList<string> TaskTypes()
    {
        List<string>? types = null;
        foreach (var connection in Connections)
        {
            var state = connection.State;
            if (state.Status != WorkerStatus.Serving || state.TaskTypes.Count == 0) continue;
            types ??= [];
            types.AddRange(state.TaskTypes.Except(types));
        }

        return types ?? (IReadOnlyList<string>)[];
    }

    /// <summary>Types of tasks, each with the workers that serve now and run it.</summary>
    public IReadOnlyList<ServedTaskType> ServedTaskTypes() =>
    [
        .. Connections.Select(connection => connection.State)
            .Where(state => state is { Status: WorkerStatus.Serving, WorkerId: not null })
            .SelectMany(state => state.TaskTypes.Select(type => new ServedTaskType(type, state.WorkerId ?? "")))
            .Distinct(),
    ];

    /// <summary>A serving connection, or null. Those already tried come last.</summary>
    public WorkerConnection? Pick(string? workerId, List<WorkerConnection>? tried, string? taskType = null)
    {
        var all = Volatile.Read(ref _connections);
        WorkerConnection? best = null;
        var bestRank = (Tried: int.MaxValue, Load: int.MaxValue);
        var start = all.Length > 1 ? Interlocked.Increment(ref _turn) % (uint)all.Length : 0;
        for (uint i = 0; i < all.Length; i++)
        {
            var connection = all[(start + i) % all.Length];
            if (!connection.Serves(workerId) || !connection.Runs(taskType)) continue;
            var rank = (Times(tried, connection), connection.Outstanding);
            if (best is not null && rank.CompareTo(bestRank) >= 0) continue;
            best = connection;
            bestRank = rank;
        }

        return best;
    }

    /// <summary>Looks again at whatever does not serve, and returns the first fit that does; null when none.</summary>
    public async Task<WorkerConnection?> RecoverAsync(string? workerId, CancellationToken cancellation)
    {
        await Looked.WaitAsync(cancellation);
        var probes = Connections.Where(connection => !connection.Serves(null))
            .Select(connection => connection.ProbeAsync()).ToList();
        while (true)
        {
            if (Pick(workerId, null) is { } found) return found;
            if (probes.Count == 0) return null;
            probes.Remove(await Task.WhenAny(probes).WaitAsync(cancellation));
        }
    }

    /// <summary>Makes the connections those of exactly these addresses; what stays keeps its channel.</summary>
    public void SetAddresses(IReadOnlyCollection<string> addresses)
    {
        lock (_gate)
        {
            var wanted = addresses.Take(AiClientOptions.AddressesMax).ToHashSet(StringComparer.Ordinal);
            var before = _connections;
            if (before.Length == wanted.Count && before.All(c => wanted.Contains(c.Address))) return;
            var gone = before.Where(connection => !wanted.Contains(connection.Address)).ToArray();
            var known = before.Select(connection => connection.Address).ToHashSet(StringComparer.Ordinal);
            var added = wanted.Where(address => !known.Contains(address))
                .Select(address => new WorkerConnection(address, options.Value, time));
            Volatile.Write(ref _connections, [.. before.Except(gone), .. added]);
            _retired.AddRange(gone);
        }

        logger.LogInformation("Workers are now at {Addresses}", string.Join(", ", addresses));
    }

    /// <summary>One round of health checks.</summary>
    public async Task ProbeAllAsync()
    {
        CloseRetired();
        var connections = Connections;
        await Task.WhenAll(connections.Select(connection => connection.ProbeAsync()));
        foreach (var connection in connections)
        {
            var state = connection.State;
            if (state.Status == connection.Announced) continue;
            connection.Announced = state.Status;
            if (state.Status == WorkerStatus.Serving)
                logger.LogInformation("Worker {Worker} serves at {Address}", state.WorkerId, connection.Address);
            else
                logger.LogWarning("No worker at {Address}: {Reason}", connection.Address, state.Reason);
        }
    }

    public void FirstLookDone() => _looked.TrySetResult();

    /// <summary>Set to ask for a round of health checks now instead of at its time.</summary>
    public WakeSignal WakeUp => _wake;

    public void Dispose()
    {
        foreach (var connection in Interlocked.Exchange(ref _connections, [])) connection.Dispose();
        lock (_gate) _retired.ForEach(connection => connection.Dispose());
        _wake.Dispose();
    }

    /// <summary>An address that left the list finishes its calls before its channel is closed.</summary>
    private void CloseRetired()
    {
        lock (_gate)
        {
            var idle = _retired.Where(connection => connection.Outstanding == 0).ToArray();
            foreach (var connection in idle)
            {
                _retired.Remove(connection);
                connection.Dispose();
            }
        }
    }

    private static int Times(List<WorkerConnection>? tried, WorkerConnection connection)
    {
        if (tried is null) return 0;
        var times = 0;
        foreach (var one in tried)
            if (ReferenceEquals(one, connection)) times++;
        return times;
    }
}
