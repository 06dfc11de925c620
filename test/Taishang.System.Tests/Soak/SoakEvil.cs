using System.Diagnostics;

namespace Taishang.System.Tests.Soak;

/// <summary>Does harm, one thing after another and now and then two at once, and counts what it did.</summary>
internal sealed class SoakEvil(SoakCluster cluster, SoakLoad load, Random random)
{
    public const string Bounced = "payments bounced";

    private const int PausesMax = 4;

    /// <summary>Longest wait for what must happen after harm was done.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Dictionary<string, int> _done = [];

    public IReadOnlyDictionary<string, int> Done => _done;

    /// <summary>Each kind of harm once, in an order of chance.</summary>
    public async Task OnceAsync()
    {
        foreach (var one in Shuffled()) await one();
        // A payment may have been made in the moment before its process was paused.
        for (var i = 0; i < PausesMax && !_done.ContainsKey(Bounced); i++) await PauseAsync();
    }

    public async Task UntilAsync(TimeSpan length)
    {
        var watch = Stopwatch.StartNew();
        while (watch.Elapsed < length)
        {
            foreach (var one in Shuffled())
            {
                if (watch.Elapsed >= length) return;
                // The database goes down under whatever else is going on.
                if (random.Next(4) == 0) await Task.WhenAll(one(), CrashDatabaseAsync());
                else await one();
                await RestAsync(random.Next(1_500));
            }
        }
    }

    private Func<Task>[] Shuffled()
    {
        Func<Task>[] all =
        [
            () => KillCoreAsync(random.Next(SoakCluster.CoreCount)), KillLeaderAsync,
            () => KillAiAsync(random.Next(SoakCluster.AiCount)), CrashDatabaseAsync, PauseAsync,
        ];
        random.Shuffle(all);
        return all;
    }

    private async Task KillCoreAsync(int index)
    {
        Count("core killed");
        await cluster.KillCoreAsync(index);
    }

    private async Task KillLeaderAsync()
    {
        int? leader = null;
        await UntilAsync("somebody leads", async () => (leader = await cluster.LeaderAsync()) is not null);
        Count("leader killed");
        await cluster.KillCoreAsync(leader ?? 0);
    }

    private async Task KillAiAsync(int index)
    {
        Count("ai killed");
        await cluster.KillAiAsync(index);
    }

    private async Task CrashDatabaseAsync()
    {
        Count("database crashed");
        await cluster.CrashDatabaseAsync();
    }

    /// <summary>
    /// Pauses a core in the middle of a payment until another core has begun the same task, and lets it go on: its
    /// payment must bounce at the ledger's door, and its end at the queue's.
    /// </summary>
    private async Task PauseAsync()
    {
        for (var i = 0; i < 3; i++)
            await load.PayAsync("late", [("hold_ms", 2_500), ("deaf", 1)], body => body["priority"] = 9);
        (string Task, long Fence, int Process) held = default;
        await UntilAsync("a payment is held", async () =>
        {
            if (await HeldAsync() is not { } found) return false;
            held = found;
            return true;
        });
        if (cluster.IndexOf(held.Process) is not { } index) return;
        var core = cluster.Core(index);
        core.Pause();
        Count("core paused");
        try
        {
            await UntilAsync("another core began what the paused one holds", async () =>
                await LedgerAsync($"""
                    SELECT count(*) FROM doors WHERE task_id = '{held.Task}'
                        AND (fence > {held.Fence} OR EXISTS (SELECT 1 FROM effects e WHERE e.task_id = doors.task_id))
                    """) == 1);
        }
        finally
        {
            core.Resume();
        }

        // It had paid in the moment before it was paused: nothing bounces then.
        var paid = $"SELECT count(*) FROM effects WHERE task_id = '{held.Task}' AND fence = {held.Fence}";
        var bounced = $"SELECT count(*) FROM bounces WHERE task_id = '{held.Task}' AND fence = {held.Fence}";
        await UntilAsync("the late payment bounced", async () =>
            core.HasExited || await LedgerAsync(bounced) > 0 || await LedgerAsync(paid) > 0);
        if (await LedgerAsync(bounced) > 0) Count(Bounced);
    }

    /// <summary>A payment that is in its hold now: opened by a process that lives, and not paid.</summary>
    private async Task<(string Task, long Fence, int Process)?> HeldAsync()
    {
        var late = load.Late;
        await using var command = cluster.Ledger.Source.CreateCommand("""
            SELECT task_id, fence, process FROM doors d WHERE task_id = ANY($1)
                AND NOT EXISTS (SELECT 1 FROM effects e WHERE e.task_id = d.task_id)
            """);
        command.Parameters.Add(new Npgsql.NpgsqlParameter { Value = late });
        await using var reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync())
        {
            if (cluster.IndexOf(reader.GetInt32(2)) is not null)
                return (reader.GetString(0), reader.GetInt64(1), reader.GetInt32(2));
        }

        return null;
    }

    private async Task<long> LedgerAsync(string sql)
    {
        await using var command = cluster.Ledger.Source.CreateCommand(sql);
        return (long)(await command.ExecuteScalarAsync())!;
    }

    /// <summary>Looks again every 20 ms; a database that is down for the moment is no answer.</summary>
    private async Task UntilAsync(string what, Func<Task<bool>> condition)
    {
        var watch = Stopwatch.StartNew();
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (watch.Elapsed < Patience)
        {
            try
            {
                if (await condition()) return;
            }
            catch (Exception e) when (Core.Data.DatabaseFailure.IsUnavailable(e))
            {
                // It was crashed, and is coming back.
            }

            await pause.WaitForNextTickAsync();
        }

        throw new TimeoutException(
            $"not within {Patience.TotalSeconds} s: {what}\n{await cluster.Database.ActivityAsync()}");
    }

    private static async Task RestAsync(int milliseconds)
    {
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(1 + milliseconds));
        await pause.WaitForNextTickAsync();
    }

    private void Count(string what)
    {
        lock (_done) _done[what] = _done.GetValueOrDefault(what) + 1;
    }
}
