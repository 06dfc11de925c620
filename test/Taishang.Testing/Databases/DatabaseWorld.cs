using Microsoft.Extensions.Time.Testing;
using Taishang.Core.Data;
using Xunit;

namespace Taishang.Testing.Databases;

/// <summary>
/// A migrated database of one test's own: a SQLite file in a temporary folder, or a database on the PostgreSQL server
/// that the environment names. Both are copied from one that was migrated once a process, and are gone after the test.
/// </summary>
public sealed class DatabaseWorld : IAsyncDisposable
{
    /// <summary>Where the PostgreSQL server is; tests that need it are skipped when this is not set.</summary>
    public const string PostgresVariable = "TAISHANG_TEST_POSTGRES";

    private readonly Func<ValueTask> _remove;
    private readonly List<Database> _more = [];

    private DatabaseWorld(DatabaseOptions options, TimeProvider time, Func<ValueTask> remove)
    {
        Options = options;
        Time = time;
        _remove = remove;
        Database = Open();
        Tables = new MonthlyTables(Database, time);
    }

    public DatabaseOptions Options { get; }

    public Database Database { get; }

    public MonthlyTables Tables { get; }

    /// <summary>The clock of the world, on both sides: also <c>tai_now()</c> follows it.</summary>
    public TimeProvider Time { get; }

    public FakeTimeProvider FakeTime => (FakeTimeProvider)Time;

    /// <summary>With a clock of the test's when one is given, else with the real one.</summary>
    public static async Task<DatabaseWorld> CreateAsync(Dialect dialect, TimeProvider? time = null)
    {
        time ??= TimeProvider.System;
        var world = dialect == Dialect.Sqlite
            ? await SqliteAsync(time)
            : await PostgresAsync(time);
        await world.Tables.EnsureAheadAsync(CancellationToken.None);
        return world;
    }

    /// <summary>A world whose clock stands still until the test moves it: 2026-11-22 08:00 UTC.</summary>
    public static Task<DatabaseWorld> CreateFrozenAsync(Dialect dialect) =>
        CreateAsync(dialect, new FakeTimeProvider(new DateTimeOffset(2026, 11, 22, 8, 0, 0, TimeSpan.Zero)));

    /// <summary>A second door to the same database, as another process would have; closed with the world.</summary>
    public Database OpenAnother()
    {
        var database = Open();
        _more.Add(database);
        return database;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var database in _more) await database.DisposeAsync();
        await Database.DisposeAsync();
        await _remove();
    }

    private Database Open() => Options.Connection.Contains("Host=", StringComparison.Ordinal)
        ? new PostgreSqlDatabase(Options, Time is FakeTimeProvider ? Time : null)
        : new SqliteDatabase(Options, Time);

    private static async Task<DatabaseWorld> SqliteAsync(TimeProvider time)
    {
        var template = await MigratedDatabases.SqliteFileAsync();
        var folder = Directory.CreateTempSubdirectory("taishang-test-").FullName;
        var file = Path.Combine(folder, "core.db");
        File.Copy(template, file);
        return new DatabaseWorld(new DatabaseOptions { Connection = file }, time, () =>
        {
            Directory.Delete(folder, recursive: true);
            return ValueTask.CompletedTask;
        });
    }

    private static async Task<DatabaseWorld> PostgresAsync(TimeProvider time)
    {
        Assert.SkipWhen(
            MigratedDatabases.PostgresServer is null, $"{PostgresVariable} is not set: no PostgreSQL to test on");
        var name = $"taishang_test_{Guid.CreateVersion7():N}";
        var connection = await MigratedDatabases.CreatePostgresAsync(name);
        return new DatabaseWorld(new DatabaseOptions { Connection = connection, PoolSize = 10 }, time,
            () => MigratedDatabases.DropPostgresAsync(name));
    }
}
