using System.Data.Common;
using Dapper;
using Taishang.Core.Data;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Tasks.History;

/// <summary>A writer that is open while a month of an earlier version is counted, held at the worst moment.</summary>
public sealed class CountUnderWritesTests
{
    private const long Gate = 4711;

    /// <summary>Holds the count where it begins.</summary>
    private const string HoldCount = """
        CREATE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NULL; END $$;
        CREATE TRIGGER at_gate BEFORE DELETE ON tai_task_counts_202611
            FOR EACH STATEMENT EXECUTE FUNCTION wait_at_gate()
        """;

    private const string WaitsAtGate = """
        SELECT count(*) FROM pg_locks
        WHERE locktype = 'advisory' AND NOT granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        """;

    private const string WaitsForTable = """
        SELECT count(*) FROM pg_locks
        WHERE NOT granted AND relation = 'tai_tasks_202611'::regclass
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        """;

    private const string WaitsForLock =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";

    private const string Insert = """
        CREATE TEMP TABLE one ON COMMIT DROP AS SELECT * FROM tai_tasks_202611 LIMIT 1;
        UPDATE one SET id = @id;
        INSERT INTO tai_tasks_202611 SELECT * FROM one
        """;

    private const string Differing = """
        SELECT (SELECT count(*) FROM tai_tasks_202611) - (SELECT sum(count) FROM tai_task_counts_202611)
        """;

    [Fact]
    public async Task A_writer_that_is_open_while_a_month_is_counted_is_counted_too()
    {
        await using var world = await TaskWorld.FrozenAsync(Dialect.PostgreSql);
        await world.AddAsync();
        await AgedMonth.MakeAsync(world.Data);
        await using var gate = await world.Data.Database.ConnectAsync(CancellationToken.None);
        await gate.ExecuteAsync(HoldCount);
        await gate.ExecuteAsync("SELECT pg_advisory_lock(@Gate)", new { Gate });

        var adding = AgedMonth.CountAsync(world.Data, world.Data.OpenAnother());
        await UntilAsync(async () => await gate.ExecuteScalarAsync<long>(WaitsAtGate) == 1);
        await using var writer = await world.Data.OpenAnother().ConnectAsync(CancellationToken.None);
        await using var open = await writer.BeginTransactionAsync();
        var writing = writer.ExecuteAsync(Insert, new { id = RowId.New(world.Data.Time.GetUtcNow()) });
        await UntilAsync(async () => writing.IsCompleted || await WaitsAsync(gate, WaitsForTable));
        await gate.ExecuteAsync("SELECT pg_advisory_unlock(@Gate)", new { Gate });
        // Who counted beside the writer waits for it now, to put the triggers; who kept it out has counted, and waits
        // for it to drop an index.
        await UntilAsync(async () =>
            writing.IsCompleted && (adding.IsCompleted || await WaitsAsync(gate, WaitsForLock)));
        await writing;
        await open.CommitAsync();
        await adding;

        Assert.Equal(0, await gate.ExecuteScalarAsync<long>(Differing));
    }

    private static async Task<bool> WaitsAsync(DbConnection gate, string what) =>
        await gate.ExecuteScalarAsync<long>(what) > 0;

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!await condition()) await Task.Delay(5, patience.Token);
    }
}
