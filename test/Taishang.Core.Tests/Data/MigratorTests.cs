using Taishang.Core.Collections;
using Taishang.Core.Data;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Data;

public sealed class MigratorTests
{
    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Migrating_again_changes_nothing(Dialect dialect)
    {
        await using var world = await DatabaseWorld.CreateAsync(dialect);
        var before = await JournalAsync(world);

        await new Migrator(world.Database, world.Time).MigrateAsync(default);

        Assert.NotEqual(0, before);
        Assert.Equal(before, await JournalAsync(world));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Many_processes_may_migrate_at_once(Dialect dialect)
    {
        await using var world = await DatabaseWorld.CreateAsync(dialect);
        await world.Database.WriteAsync(session => session.ExecuteAsync("DELETE FROM tai_migrations"), default);
        await world.Database.WriteAsync(DropEverythingAsync, default);

        var others = Enumerable.Range(0, 3).Select(_ => world.OpenAnother()).ToList();
        await Task.WhenAll(others.ConvertAll(other => new Migrator(other, world.Time).MigrateAsync(default)));

        var versions = await world.Database.ReadAsync(
            session => session.QueryAsync<string>(
                "SELECT version FROM tai_migrations WHERE version IS NOT NULL AND version <> '0'"),
            default);
        Assert.Equal(versions.Distinct(), versions);
        Assert.Contains("2", versions);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Collections_made_before_there_were_aliases_are_found_by_their_names(Dialect dialect)
    {
        await using var world = await DatabaseWorld.CreateAsync(dialect);
        await world.Database.WriteAsync(DropEverythingAsync, default);
        await new Migrator(world.Database, world.Time) { Until = "3" }.MigrateAsync(default);
        await world.Database.WriteAsync(
            session => session.ExecuteAsync("""
                INSERT INTO tai_vector_collections
                    (id, name, dims, index_type, worker_id, created_at, updated_at)
                VALUES (@id, 'points', 4, 'FLAT', @id, @now, @now)
                """,
                new { id = "0197a000-0000-7000-8000-0000000000aa", now = world.Time.GetUtcNow() }),
            default);

        await new Migrator(world.Database, world.Time).MigrateAsync(default);

        var found = await new CollectionStore(world.Database).FindAsync("points", default);
        Assert.Equal("0197a000-0000-7000-8000-0000000000aa", found?.Id);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Months_of_an_earlier_day_get_the_columns_that_came_later(Dialect dialect)
    {
        await using var world = await DatabaseWorld.CreateAsync(dialect);
        var month = Month.Of(world.Time.GetUtcNow());
        await world.Database.WriteAsync(
            session => session.ExecuteAsync(MonthlyTable.Sql(
                "ALTER TABLE tai_tasks_{month} DROP COLUMN chain; ALTER TABLE tai_tasks_{month} DROP COLUMN unique_key",
                month)),
            default);

        await Task.WhenAll(Enumerable.Range(0, 3).Select(_ =>
            new MonthlyTables(world.OpenAnother(), world.Time).EnsureAheadAsync(default)));

        var chain = await world.Database.ReadAsync(
            session => session.QueryAsync<int>(
                MonthlyTable.Sql("SELECT chain FROM tai_tasks_{month} WHERE unique_key IS NULL", month)),
            default);
        Assert.Empty(chain);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task The_database_has_one_clock_that_a_test_can_move(Dialect dialect)
    {
        await using var world = await DatabaseWorld.CreateFrozenAsync(dialect);
        var first = await NowAsync(world);
        world.FakeTime.Advance(TimeSpan.FromHours(5));

        Assert.Equal(world.Time.GetUtcNow().AddHours(-5), first);
        Assert.Equal(world.Time.GetUtcNow(), await NowAsync(world));
        Assert.Equal(
            world.Time.GetUtcNow().ToUnixTimeMilliseconds(),
            await world.Database.ReadAsync(session => session.ScalarAsync<long>("SELECT tai_now_ms()"), default));
        var after = await world.Database.ReadAsync(
            session => session.QueryAsync<DateTimeOffset>("SELECT tai_after(-1500)"), default);
        Assert.Equal(world.Time.GetUtcNow().AddMilliseconds(-1500), after[0]);
    }

    private static async Task<DateTimeOffset> NowAsync(DatabaseWorld world) =>
        (await world.Database.ReadAsync(
            session => session.QueryAsync<DateTimeOffset>("SELECT tai_now()"), default))[0];

    private static Task<long> JournalAsync(DatabaseWorld world) => world.Database.ReadAsync(
        session => session.ScalarAsync<long>("SELECT count(*) FROM tai_migrations"), default);

    private static async Task DropEverythingAsync(DatabaseSession session)
    {
        if (session.Dialect == Dialect.PostgreSql)
        {
            await session.ExecuteAsync("DROP SCHEMA public CASCADE; CREATE SCHEMA public;");
            return;
        }

        await session.ExecuteAsync("PRAGMA defer_foreign_keys = ON");
        var tables = await session.QueryAsync<string>(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY rowid DESC");
        // Those that refer to others were made after them.
        foreach (var table in tables)
            await session.ExecuteAsync($"DROP TABLE {table}");
    }
}
