using System.Text;
using Taishang.Core.Data;
using Taishang.Core.Tasks;
using Taishang.Core.Tasks.Watching;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Tasks.Watching;

/// <summary>Streams over a database that goes away in the middle of a look.</summary>
public sealed class TaskStreamFaultTests
{
    private const string HideQueue = "ALTER TABLE tai_task_queue RENAME TO away";
    private const string ShowQueue = "ALTER TABLE away RENAME TO tai_task_queue";

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_look_that_fails_after_the_lines_were_read_loses_none_of_them(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var task = await world.AddAsync();
        var streams = world.Node.Get<TaskStreams>();
        using var watch = await streams.WatchAsync(default);
        // The trail can be read, and how far the running tasks are can not.
        await world.Data.Database.WriteAsync(
            async session =>
            {
                await TaskMoves.NoteAsync(session, task, "update", "test", "the line that must come");
                await session.ExecuteAsync(HideQueue);
            },
            default);

        await Assert.ThrowsAnyAsync<Exception>(() => streams.StepAsync(default));
        await world.Data.Database.WriteAsync(session => session.ExecuteAsync(ShowQueue), default);
        Assert.True(await streams.StepAsync(default));

        var place = watch.Place;
        var frames = streams.Ring.Read(ref place, 100);
        Assert.Contains(
            "the line that must come", Encoding.UTF8.GetString(Assert.Single(frames ?? []).Body),
            StringComparison.Ordinal);
    }
}
