namespace Taishang.Core.Tasks;

/// <summary>What a task of a type takes of the worker that runs it, or what a worker has.</summary>
/// <param name="Cpu">Cores; a part of one is fine.</param>
internal readonly record struct TaskWeight(double Cpu, long MemoryMb)
{
    public bool IsZero => Cpu <= 0 && MemoryMb <= 0;

    /// <summary>Sums of thirds must not fail by their last digit.</summary>
    private const double Tolerance = 1e-9;

    public bool Holds(TaskWeight other) => other.Cpu <= Cpu + Tolerance && other.MemoryMb <= MemoryMb;

    public TaskWeight Plus(TaskWeight other) => new(Cpu + other.Cpu, MemoryMb + other.MemoryMb);

    public TaskWeight Less(TaskWeight other) => new(Cpu - other.Cpu, MemoryMb - other.MemoryMb);
}

/// <summary>
/// The room that is left for a claim: places by type, by tenant and in all, over every process; cores and memory, in
/// this one.
/// </summary>
internal sealed class TaskBudget
{
    private readonly TaskOptions _options;
    private readonly Dictionary<string, long> _types = [];
    private readonly Dictionary<string, long> _tenants = [];
    private long _all;
    private TaskWeight _free;
    private bool _held;

    public TaskBudget(TaskOptions options, IEnumerable<LaneCount> running, TaskWeight free)
    {
        _options = options;
        _free = free;
        foreach (var lane in running) Count(lane.Type, lane.Tenant, lane.Count);
    }

    /// <summary>How many more of this type and tenant may run.</summary>
    public int Room(string type, string tenant)
    {
        var room = Left(_options.RunningMax, _all);
        room = Math.Min(room, Left(_options.Of(type).RunningMax, _types.GetValueOrDefault(type)));
        if (tenant.Length > 0)
            room = Math.Min(room, Left(_options.TenantMax(tenant), _tenants.GetValueOrDefault(tenant)));
        return (int)Math.Clamp(room, 0, int.MaxValue);
    }

    /// <summary>Takes a place for the next task in order of rank; false when there is none.</summary>
    public bool TryTake(string type, string tenant, long waitedMs)
    {
        if (Room(type, tenant) == 0) return false;
        var weight = _options.Weight(type);
        if (!weight.IsZero && (_held || !_free.Holds(weight)))
        {
            // Lighter tasks may go by a heavy one for a while; then what gets free is kept for it. One that is too
            // heavy for this worker as a whole is another's.
            _held |= waitedMs > _options.HeavyWaitMs && _options.Capacity.Holds(weight);
            return false;
        }

        _free = _free.Less(weight);
        Count(type, tenant, 1);
        return true;
    }

    private void Count(string type, string tenant, long count)
    {
        _all += count;
        _types[type] = _types.GetValueOrDefault(type) + count;
        if (tenant.Length > 0) _tenants[tenant] = _tenants.GetValueOrDefault(tenant) + count;
    }

    private static long Left(int? max, long running) => max is null ? int.MaxValue : max.Value - running;
}
