using Taishang.Core.Data;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Data;

public sealed class MonthlyTablesTests
{
    private static readonly Month November = new(2026, 11);

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task This_month_and_the_next_are_made_ahead(Dialect dialect)
    {
        await using var world = await DatabaseWorld.CreateFrozenAsync(dialect);

        Assert.Equal([November.Next(), November], world.Tables.Known(MonthlyTable.Tasks));
        Assert.Equal([November.Next(), November], world.Tables.Known(MonthlyTable.ServiceCalls));

        world.FakeTime.Advance(TimeSpan.FromDays(31));
        await world.Tables.EnsureAheadAsync(default);
        Assert.Contains(new Month(2027, 1), world.Tables.Known(MonthlyTable.Tasks));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_month_made_elsewhere_is_found_and_a_dropped_one_forgotten(Dialect dialect)
    {
        await using var world = await DatabaseWorld.CreateFrozenAsync(dialect);
        var other = new MonthlyTables(world.OpenAnother(), world.Time);
        var old = new Month(2024, 2);

        await Task.WhenAll(
            other.EnsureAsync(MonthlyTable.Tasks, old, default),
            world.Tables.EnsureAsync(MonthlyTable.Tasks, old, default));
        await other.DropAsync(MonthlyTable.Tasks, November, default);
        await world.Tables.RefreshAsync(default);

        Assert.Equal([November.Next(), old], world.Tables.Known(MonthlyTable.Tasks));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_month_made_in_a_transaction_that_fails_is_not_remembered(Dialect dialect)
    {
        await using var world = await DatabaseWorld.CreateFrozenAsync(dialect);
        var old = new Month(2024, 2);

        await Assert.ThrowsAsync<TimeoutException>(() => world.Database.WriteAsync<int>(
            async session =>
            {
                await world.Tables.EnsureAsync(session, MonthlyTable.Tasks, old);
                throw new TimeoutException("the test's own");
            },
            default));
        Assert.False(world.Tables.IsKnown(MonthlyTable.Tasks, old));

        await world.Database.WriteAsync(
            session => world.Tables.EnsureAsync(session, MonthlyTable.Tasks, old), default);
        Assert.True(world.Tables.IsKnown(MonthlyTable.Tasks, old));
    }

    [Fact]
    public void Only_names_with_a_real_month_are_monthly_tables()
    {
        Assert.Equal(new Month(2026, 2), MonthlyTable.Tasks.Parse("tai_tasks_202602"));
        Assert.Null(MonthlyTable.Tasks.Parse("tai_tasks_202613"));
        Assert.Null(MonthlyTable.Tasks.Parse("tai_tasks_2026021"));
        Assert.Null(MonthlyTable.Tasks.Parse("tai_task_queue"));
        Assert.Null(MonthlyTable.ServiceCalls.Parse("tai_tasks_202602"));
    }

    [Fact]
    public void The_bound_of_a_range_of_ids_is_below_every_id_of_its_time()
    {
        var time = new DateTimeOffset(2026, 11, 1, 0, 0, 0, TimeSpan.Zero);
        var id = RowId.New(time);

        Assert.True(string.CompareOrdinal(RowId.First(time), id) < 0);
        Assert.True(string.CompareOrdinal(RowId.First(time.AddMilliseconds(1)), id) > 0);
        Assert.Equal(time, RowId.TimeOf(id));
    }
}
