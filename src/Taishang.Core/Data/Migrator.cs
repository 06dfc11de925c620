using System.Data.Common;
using System.Reflection;
using EvolveDb;
using EvolveDb.Configuration;
using EvolveDb.Migration;
using Microsoft.Data.Sqlite;

namespace Taishang.Core.Data;

/// <summary>
/// Brings the schema up to date from the scripts in db/migrations, which travel inside the assembly. Evolve takes an
/// advisory lock on PostgreSQL; on SQLite, where it has none, a lock file beside the database stands for it. Running
/// it again changes nothing; a script that was changed after it ran is refused.
/// </summary>
public sealed class Migrator(Database database, TimeProvider time)
{
    private const string Journal = "tai_migrations";

    /// <summary>How long another process may hold the lock before this one gives up for now.</summary>
    private static readonly TimeSpan LockWaitMax = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan LockPoll = TimeSpan.FromMilliseconds(100);

    /// <summary>The last version to apply; null for all. Tests begin with the schema of an earlier day.</summary>
    internal string? Until { get; init; }

    /// <summary>Applies what is missing.</summary>
    /// <exception cref="EvolveException">A script failed or was changed after it ran.</exception>
    public async Task MigrateAsync(CancellationToken cancellation)
    {
        await using var connection = await database.ConnectAsync(cancellation);
        await using var fileLock = connection is SqliteConnection sqlite
            ? await LockFileAsync(sqlite.DataSource, cancellation)
            : null;
        // Evolve has no asynchronous form; its work must not hold a thread of the server's.
        await Task.Factory.StartNew(
            () => Evolve(connection), cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    private void Evolve(DbConnection connection) =>
        new Evolve(connection)
        {
            EmbeddedResourceAssemblies = [Assembly.GetExecutingAssembly()],
            EmbeddedResourceFilters = database.Dialect == Dialect.PostgreSql
                ? ["migrations.common.", "migrations.postgresql."]
                : ["migrations.common."],
            MetadataTableName = Journal,
            IsEraseDisabled = true,
            EnableClusterMode = database.Dialect == Dialect.PostgreSql,
            TransactionMode = TransactionKind.CommitEach,
            PlaceholderPrefix = "@@{",
            TargetVersion = Until is null ? MigrationVersion.MaxVersion : new MigrationVersion(Until),
        }.Migrate();

    private async Task<FileStream?> LockFileAsync(string file, CancellationToken cancellation)
    {
        if (!Path.IsPathRooted(file) && !File.Exists(file)) return null;
        var started = time.GetTimestamp();
        while (true)
        {
            try
            {
                return new FileStream(
                    file + ".migrating", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1,
                    FileOptions.DeleteOnClose);
            }
            catch (IOException) when (time.GetElapsedTime(started) < LockWaitMax)
            {
                await Task.Delay(LockPoll, time, cancellation);
            }
        }
    }
}
