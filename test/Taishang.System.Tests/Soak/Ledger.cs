using Npgsql;

namespace Taishang.System.Tests.Soak;

/// <summary>
/// A system outside with effects that can be counted: accounts behind a door that knows the greatest fence of each
/// task. Who comes with a smaller one bounces and is noted; what a task pays, it pays once, whichever attempt does.
/// </summary>
internal sealed class Ledger(string connection) : IAsyncDisposable
{
    private const string Schema = """
        CREATE TABLE doors (task_id TEXT PRIMARY KEY, fence BIGINT NOT NULL, process INTEGER NOT NULL);
        CREATE TABLE effects (task_id TEXT PRIMARY KEY, fence BIGINT NOT NULL, amount BIGINT NOT NULL);
        CREATE TABLE account (total BIGINT NOT NULL);
        INSERT INTO account VALUES (0);
        CREATE TABLE bounces (
            task_id TEXT NOT NULL, fence BIGINT NOT NULL, process INTEGER NOT NULL, step TEXT NOT NULL);
        CREATE TABLE journal (
            id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, task_id TEXT NOT NULL, fence BIGINT NOT NULL,
            step TEXT NOT NULL);
        """;

    private const string Open = """
        WITH opened AS (
            INSERT INTO doors AS d VALUES ($1, $2, $3)
            ON CONFLICT (task_id) DO UPDATE SET fence = excluded.fence, process = excluded.process
            WHERE d.fence <= excluded.fence
            RETURNING 1),
        noted AS (INSERT INTO journal (task_id, fence, step) SELECT $1, $2, 'open' FROM opened)
        SELECT count(*) FROM opened
        """;

    private const string Pay = """
        WITH door AS (SELECT 1 FROM doors WHERE task_id = $1 AND fence = $2 FOR UPDATE),
        effect AS (
            INSERT INTO effects SELECT $1, $2, $3::bigint FROM door ON CONFLICT (task_id) DO NOTHING RETURNING amount),
        paid AS (UPDATE account SET total = total + effect.amount FROM effect),
        noted AS (INSERT INTO journal (task_id, fence, step) SELECT $1, $2, 'pay' FROM door)
        SELECT count(*) FROM door
        """;

    private const string Bounce = "INSERT INTO bounces VALUES ($1, $2, $3, $4)";

    private readonly NpgsqlDataSource _source = NpgsqlDataSource.Create(
        new NpgsqlConnectionStringBuilder(connection) { MaxPoolSize = 12, Timeout = 5, CommandTimeout = 5 }.ToString());

    public NpgsqlDataSource Source => _source;

    public async Task CreateAsync()
    {
        await using var command = _source.CreateCommand(Schema);
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>Shows a fence; false when a greater one was shown before.</summary>
    public async Task<bool> OpenAsync(string task, long fence) =>
        await CountAsync(Open, task, fence, Environment.ProcessId) == 1
        || await BounceAsync(task, fence, "open");

    /// <summary>Pays once for the task; false when a greater fence was shown meanwhile.</summary>
    public async Task<bool> PayAsync(string task, long fence, long amount) =>
        await CountAsync(Pay, task, fence, amount) == 1 || await BounceAsync(task, fence, "pay");

    public ValueTask DisposeAsync() => _source.DisposeAsync();

    private async Task<bool> BounceAsync(string task, long fence, string step)
    {
        await using var command = Command(Bounce, task, fence, Environment.ProcessId, step);
        await command.ExecuteNonQueryAsync();
        return false;
    }

    private async Task<long> CountAsync(string sql, params object[] values)
    {
        await using var command = Command(sql, values);
        return (long)(await command.ExecuteScalarAsync())!;
    }

    private NpgsqlCommand Command(string sql, params object[] values)
    {
        var command = _source.CreateCommand(sql);
        foreach (var value in values) command.Parameters.Add(new NpgsqlParameter { Value = value });
        return command;
    }
}
