using Microsoft.Extensions.Options;
using Taishang.Core.Data;

namespace Taishang.Core.Tasks;

/// <summary>
/// Which of the processes on one database fires schedules and rescues: the one that holds a lease in it, by the
/// database's clock. Who dies is succeeded when its lease ends, who stops gives it up. Two that both believe to lead,
/// for a moment, do no harm: firing and rescuing compare what they change, so the lease only saves the others' effort.
/// </summary>
internal sealed class TaskLeadership(Database database, TimeProvider time, IOptions<TaskOptions> options)
{
    private const string Name = "tasks";

    private const string Hold = """
        INSERT INTO tai_leaders (name, holder, term, lease_until_ms)
        VALUES (@name, @holder, 1, tai_now_ms() + @leaseMs)
        ON CONFLICT (name) DO UPDATE SET
            term = tai_leaders.term + CASE WHEN tai_leaders.holder = excluded.holder THEN 0 ELSE 1 END,
            holder = excluded.holder, lease_until_ms = excluded.lease_until_ms
        WHERE tai_leaders.holder = excluded.holder OR tai_leaders.lease_until_ms < tai_now_ms()
        """;

    private const string GiveUp = "UPDATE tai_leaders SET lease_until_ms = 0 WHERE name = @name AND holder = @holder";

    private readonly TaskOptions _options = options.Value;
    private readonly Lock _gate = new();
    private bool _held;
    private long _heldAt;

    /// <summary>This life of this process.</summary>
    public string Holder { get; } = RowId.New(time.GetUtcNow());

    /// <summary>Whether this process leads, as far as it can know without asking.</summary>
    public bool IsLeader
    {
        get
        {
            if (IsAlone) return true;
            lock (_gate) return _held && time.GetElapsedTime(_heldAt).TotalMilliseconds < _options.LeaderLeaseMs;
        }
    }

    private bool IsAlone => _options.OnlyProcess ?? database.Dialect == Dialect.Sqlite;

    /// <summary>Takes the lead, or renews it; true when this process leads now.</summary>
    public async Task<bool> HoldAsync(CancellationToken cancellation)
    {
        if (IsAlone) return true;
        var asked = time.GetTimestamp();
        var held = await database.WriteAsync(
            session => session.ExecuteAsync(
                Hold, new { name = Name, holder = Holder, leaseMs = (long)_options.LeaderLeaseMs }),
            cancellation) == 1;
        lock (_gate)
        {
            _held = held;
            _heldAt = asked;
        }

        return held;
    }

    /// <summary>Lets another lead at once.</summary>
    public async Task GiveUpAsync(CancellationToken cancellation)
    {
        lock (_gate)
        {
            if (!_held) return;
            _held = false;
        }

        await database.WriteAsync(
            session => session.ExecuteAsync(GiveUp, new { name = Name, holder = Holder }), cancellation);
    }
}
