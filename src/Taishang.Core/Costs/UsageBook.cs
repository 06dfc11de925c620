using Microsoft.Extensions.Options;

namespace Taishang.Core.Costs;

/// <summary>What calls have used since it was last written, added up.</summary>
internal sealed class UsageBook(IOptions<CostOptions> options)
{
    /// <summary>Stands for tenants and keys beyond as many as an hour may have.</summary>
    public const string More = "(more)";

    /// <summary>Rows of one transaction.</summary>
    private const int BatchRowsMax = 500;

    private readonly Lock _gate = new();
    private readonly HashSet<UsageKey> _ofHour = [];
    private Dictionary<UsageKey, UsageSums> _sums = [];
    private long _hour;

    public bool IsEmpty
    {
        get
        {
            lock (_gate) return _sums.Count == 0;
        }
    }

    public void Add(UsageKey key, UsageSums used)
    {
        lock (_gate)
        {
            if (key.Hour != _hour)
            {
                _hour = key.Hour;
                _ofHour.Clear();
            }

            if (!_ofHour.Contains(key))
            {
                if (_ofHour.Count >= options.Value.UsageRowsPerHourMax) key = key with { Tenant = More, KeyId = More };
                else _ofHour.Add(key);
            }

            if (_sums.TryGetValue(key, out var sums)) sums.Add(used);
            else _sums[key] = used with { };
        }
    }

    /// <summary>Takes out as many as one transaction writes, in the order in which every process writes them.</summary>
    public IReadOnlyList<KeyValuePair<UsageKey, UsageSums>> Take()
    {
        List<KeyValuePair<UsageKey, UsageSums>> taken;
        lock (_gate)
        {
            if (_sums.Count == 0) return [];
            if (_sums.Count <= BatchRowsMax)
            {
                taken = [.. _sums];
                _sums = [];
            }
            else
            {
                taken = [.. _sums.Take(BatchRowsMax)];
                foreach (var (key, _) in taken) _sums.Remove(key);
            }
        }

        taken.Sort(static (a, b) => string.CompareOrdinal(a.Key.ToString(), b.Key.ToString()));
        return taken;
    }
}
