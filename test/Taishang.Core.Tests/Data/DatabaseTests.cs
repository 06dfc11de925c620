using Microsoft.Data.Sqlite;
using Taishang.Core.Api;
using Taishang.Core.Data;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Data;

public sealed class DatabaseTests
{
    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Writes_that_share_a_commit_fail_alone(Dialect dialect)
    {
        await using var world = await DatabaseWorld.CreateAsync(dialect);
        await world.Database.WriteAsync(
            session => session.ExecuteAsync("CREATE TABLE numbers (n INTEGER PRIMARY KEY)"), default);

        var writes = Enumerable.Range(0, 200).Select(async n =>
        {
            try
            {
                await world.Database.WriteAsync(
                    async session =>
                    {
                        await session.ExecuteAsync("INSERT INTO numbers VALUES (@n)", new { n });
                        if (n % 10 == 3) throw new InvalidDataException("the test's own");
                        // Every tenth meets a constraint in its second statement.
                        if (n % 10 == 7) await session.ExecuteAsync("INSERT INTO numbers VALUES (@n)", new { n });
                    },
                    default);
                return n;
            }
            catch (Exception e) when (e is InvalidDataException || DatabaseFailure.IsUniqueViolation(e))
            {
                return -1;
            }
        }).ToList();
        var kept = (await Task.WhenAll(writes)).Where(n => n >= 0).Order().ToList();

        Assert.Equal(160, kept.Count);
        Assert.Equal(kept, await world.Database.ReadAsync(
            session => session.QueryAsync<int>("SELECT n FROM numbers ORDER BY n"), default));
    }

    [Fact]
    public async Task A_process_that_is_paused_in_its_transaction_holds_no_locks_for_long()
    {
        await using var world = await DatabaseWorld.CreateAsync(Dialect.PostgreSql);
        const string take = "SELECT pg_advisory_xact_lock(42)";
        var held = new TaskCompletionSource();
        var resumed = new TaskCompletionSource();
        var paused = world.Database.WriteAsync(
            async session =>
            {
                await session.ScalarAsync<object>(take);
                held.SetResult();
                await resumed.Task;
                return await session.ScalarAsync<int>("SELECT 1");
            },
            default);
        await held.Task;

        await world.Database.WriteAsync(session => session.ScalarAsync<object>(take), default);

        resumed.SetResult();
        var late = await Assert.ThrowsAnyAsync<Exception>(() => paused);
        Assert.True(DatabaseFailure.IsUnavailable(late), late.ToString());
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task What_waits_for_a_commit_runs_after_it_and_only_then(Dialect dialect)
    {
        await using var world = await DatabaseWorld.CreateAsync(dialect);
        var ran = 0;

        await world.Database.WriteAsync(
            session =>
            {
                session.AfterCommit(() => ran++);
                return Task.CompletedTask;
            },
            default);
        await Assert.ThrowsAsync<InvalidDataException>(() => world.Database.WriteAsync<int>(
            session =>
            {
                session.AfterCommit(() => ran++);
                throw new InvalidDataException("the test's own");
            },
            default));

        Assert.Equal(1, ran);
    }

    [Fact]
    public async Task A_locked_file_is_unavailable_and_works_again_when_the_lock_goes()
    {
        await using var world = await DatabaseWorld.CreateAsync(Dialect.Sqlite);
        var options = new DatabaseOptions { Connection = world.Options.Connection, BusyTimeoutSeconds = 1 };
        await using var database = new SqliteDatabase(options, world.Time);
        await using (var foreign = new SqliteConnection($"Data Source={world.Options.Connection};Pooling=False"))
        {
            await foreign.OpenAsync();
            await using var locked = foreign.BeginTransaction(deferred: false);
            var error = await Assert.ThrowsAsync<SqliteException>(
                () => database.WriteAsync(session => session.ExecuteAsync("DELETE FROM tai_models"), default));
            Assert.Equal(ErrorCodes.DatabaseUnavailable, ErrorResponses.ToApi(error).Code);
        }

        await database.WriteAsync(session => session.ExecuteAsync("DELETE FROM tai_models"), default);
    }

    [Fact]
    public async Task Until_the_schema_is_there_calls_are_refused()
    {
        await using var world = await DatabaseWorld.CreateAsync(Dialect.Sqlite);
        var state = new DatabaseState();
        await using var database = Database.Open(world.Options, world.Time, state);

        var error = await Assert.ThrowsAsync<ApiException>(
            () => database.ReadAsync(session => session.ScalarAsync<long>("SELECT 1"), default));
        Assert.Equal(ErrorCodes.DatabaseUnavailable, error.Code);
        Assert.False(state.Ready);

        state.SetReady();
        Assert.Equal(1, await database.ReadAsync(session => session.ScalarAsync<long>("SELECT 1"), default));
        await state.WaitReadyAsync(default);
    }
}
