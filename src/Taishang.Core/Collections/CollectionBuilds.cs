using System.Text.Json.Nodes;
using Taishang.Core.Data;
using Taishang.Core.Tasks;

namespace Taishang.Core.Collections;

/// <summary>Asks for index builds: one at a time for a collection, whoever asks and however often.</summary>
internal sealed class CollectionBuilds(Database database, TaskStore tasks, CollectionLookup lookup)
{
    /// <summary>The task that builds: a new one, or the one that is still pending or running.</summary>
    /// <exception cref="Api.ApiException">No such collection, or the queue is full.</exception>
    public async Task<string> RequestAsync(string reference, CancellationToken cancellation)
    {
        var (row, taskId) = await database.WriteAsync(
            async session =>
            {
                // The lock on the row makes a second caller wait until the first one's task is written.
                var row = await CollectionStore.LockAsync(session, reference)
                    ?? throw CollectionLookup.NotFound(reference);
                if (await LiveTaskAsync(session, row) is { } live) return (row, live);
                var payload = new JsonObject { ["collection"] = row.Id };
                var task =
                    await tasks.CreateAsync(session, new NewTask(IndexTaskExecutor.TypeName, payload.ToJsonString()));
                await CollectionStore.SetBuildTaskAsync(session, row.Id, task.Id);
                return (row, task.Id);
            },
            cancellation);
        lookup.Forget(row);
        return taskId;
    }

    private async Task<string?> LiveTaskAsync(DatabaseSession session, Collection row)
    {
        if (row.BuildTaskId is not { } taskId) return null;
        return await tasks.FindAsync(session, taskId) is { Status: "pending" or "running" } ? taskId : null;
    }
}
