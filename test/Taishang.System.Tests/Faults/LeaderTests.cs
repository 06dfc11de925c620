using System.Globalization;
using Npgsql;
using Taishang.Testing.Processes;

namespace Taishang.System.Tests.Faults;

/// <summary>Several processes on one PostgreSQL, of which the leader is killed.</summary>
public sealed class LeaderTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_schedule_goes_on_when_its_leader_is_killed_and_no_time_fires_twice_or_never()
    {
        await using var store = await SystemDatabase.MakeAsync("postgresql");
        await using var first = await ServerProcess.StartReadyAsync(_folder.File("first"), store.Arguments);
        await first.WaitUntilAsync("led", async () => await LeaderAsync(store) is not null);
        await using var second = await ServerProcess.StartReadyAsync(_folder.File("second"), store.Arguments);
        await using var third = await ServerProcess.StartReadyAsync(_folder.File("third"), store.Arguments);
        var (leader, term) = await LeaderAsync(store) ?? throw new InvalidOperationException("nobody leads");
        await first.PostAsync("/api/taishang/tasks/schedules", new
        {
            name = "ticks",
            cron = "* * * * * *",
            missed = "all",
            type = "embedding",
            payload = new { texts = new[] { "tick" } },
        });
        await second.WaitUntilAsync("fired", async () => (await TimesAsync(second)).Count >= 3);

        await first.KillAsync();
        var before = (await TimesAsync(second)).Count;

        await second.WaitUntilAsync("fired again", async () => (await TimesAsync(second)).Count >= before + 4);
        var (successor, next) = await LeaderAsync(store) ?? throw new InvalidOperationException("nobody leads");
        Assert.NotEqual(leader, successor);
        Assert.Equal(term + 1, next);
        var times = (await TimesAsync(third)).Order().ToList();
        Assert.Equal(Enumerable.Range(0, times.Count).Select(i => times[0].AddSeconds(i)), times);
    }

    private static async Task<(string Holder, long Term)?> LeaderAsync(SystemDatabase store)
    {
        await using var source = NpgsqlDataSource.Create(store.Connection);
        await using var command = source.CreateCommand("SELECT holder, term FROM tai_leaders");
        await using var reader = await command.ExecuteReaderAsync();
        return await reader.ReadAsync() ? (reader.GetString(0), reader.GetInt64(1)) : null;
    }

    /// <summary>The times that got a task, as the tasks say.</summary>
    private static async Task<List<DateTimeOffset>> TimesAsync(ServerProcess server)
    {
        var list = await server.GetAsync("/api/taishang/tasks?type=embedding&page_size=200&sort=created_at");
        return [.. list["data"]!["tasks"]!.AsArray().Select(task => DateTimeOffset.Parse(
            (string)task!["labels"]!["scheduled_at"]!, CultureInfo.InvariantCulture))];
    }
}
