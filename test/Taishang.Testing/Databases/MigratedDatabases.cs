using Npgsql;
using Taishang.Core.Data;

namespace Taishang.Testing.Databases;

/// <summary>
/// The two databases that are migrated once a process, so that a test's own is a copy: a migration takes ten times as
/// long as a copy, and every store test wants one.
/// </summary>
internal static class MigratedDatabases
{
    private static readonly Lazy<Task<string>> SqliteTemplate = new(MigrateSqliteAsync);
    private static readonly Lazy<Task<string>> PostgresTemplate = new(MigratePostgresAsync);

    /// <summary>Two copies of one template at once are refused by the server.</summary>
    private static readonly SemaphoreSlim Copying = new(1, 1);

    public static string? PostgresServer { get; } =
        Environment.GetEnvironmentVariable(DatabaseWorld.PostgresVariable) is { Length: > 0 } value ? value : null;

    public static Task<string> SqliteFileAsync() => SqliteTemplate.Value;

    /// <summary>Copies the template and returns the connection string of the copy.</summary>
    public static async Task<string> CreatePostgresAsync(string name)
    {
        var template = await PostgresTemplate.Value;
        await Copying.WaitAsync();
        try
        {
            await ExecuteAsync($"CREATE DATABASE {name} TEMPLATE {template}");
        }
        finally
        {
            Copying.Release();
        }

        return ConnectionTo(name);
    }

    public static async ValueTask DropPostgresAsync(string name) =>
        await ExecuteAsync($"DROP DATABASE IF EXISTS {name} WITH (FORCE)");

    /// <summary>Removes both; no test may run any more.</summary>
    public static async ValueTask RemoveAsync()
    {
        if (SqliteTemplate.IsValueCreated)
            Directory.Delete(Path.GetDirectoryName(await SqliteTemplate.Value)!, recursive: true);
        if (PostgresTemplate.IsValueCreated) await DropPostgresAsync(await PostgresTemplate.Value);
    }

    private static async Task<string> MigrateSqliteAsync()
    {
        var folder = Directory.CreateTempSubdirectory("taishang-test-").FullName;
        var file = Path.Combine(folder, "migrated.db");
        await using (var database = new SqliteDatabase(new DatabaseOptions { Connection = file }, TimeProvider.System))
            await new Migrator(database, TimeProvider.System).MigrateAsync(CancellationToken.None);
        return file;
    }

    private static async Task<string> MigratePostgresAsync()
    {
        var name = $"taishang_template_{Guid.CreateVersion7():N}";
        await ExecuteAsync($"CREATE DATABASE {name}");
        var options = new DatabaseOptions { Connection = ConnectionTo(name) };
        await using (var database = new PostgreSqlDatabase(options))
            await new Migrator(database, TimeProvider.System).MigrateAsync(CancellationToken.None);
        return name;
    }

    private static string ConnectionTo(string database) =>
        new NpgsqlConnectionStringBuilder(PostgresServer) { Database = database }.ToString();

    private static async Task ExecuteAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(
            new NpgsqlConnectionStringBuilder(PostgresServer) { Pooling = false, CommandTimeout = 60 }.ToString());
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
