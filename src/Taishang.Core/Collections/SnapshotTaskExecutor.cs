using System.Text.Json;
using System.Text.Json.Nodes;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Api;
using Taishang.Core.Tasks;
using Taishang.Executors;

namespace Taishang.Core.Collections;

/// <summary>
/// Tasks of type `snapshot`: payload <c>{collection, description?, keep?}</c>, result <c>{snapshot, collection, rows,
/// bytes, removed}</c>. The snapshot has the task's id, so that another attempt finds what an earlier one finished.
/// With <c>keep</c>, older snapshots of the collection beyond so many go once the new one is whole.
/// </summary>
internal sealed class SnapshotTaskExecutor(
    IAiClient ai, CollectionLookup lookup, SnapshotCatalog catalog, SnapshotProgress progress) : ITaskExecutor
{
    public const string TypeName = "snapshot";
    public const int KeepMax = 10_000;

    public string Type => TypeName;

    public void Validate(JsonElement payload, PayloadErrors errors)
    {
        if (!TaskPayload.Fields(payload, errors, "collection", "description", "keep")) return;
        TaskPayload.RequireText(payload, errors, "collection", Collection.ReferenceCharactersMax);
        TaskPayload.OptionalText(payload, errors, "description", CollectionRules.DescriptionMax);
        TaskPayload.OptionalNumber(payload, errors, "keep", 1, KeepMax);
    }

    public async Task<string?> ExecuteAsync(TaskContext context, CancellationToken cancellation)
    {
        try
        {
            var row = await TaskPayload.FindCollectionAsync(
                lookup, context.Payload, CollectionOf(context.Checkpoint), cancellation);
            if (context.Checkpoint is null)
                await context.SaveCheckpointAsync(
                    new JsonObject { ["collection"] = row.Id }.ToJsonString(), cancellation);
            var description = context.Payload.TryGetProperty("description", out var text) ? text.GetString() : null;
            var request = new CreateSnapshotRequest
            {
                CollectionId = row.Id,
                SnapshotId = context.TaskId,
                NoteJson = new SnapshotNote(row, description).ToJson(),
            };
            var info = await progress.FollowAsync(
                new SnapshotPlace(context.TaskId, row.WorkerId ?? ""), context,
                () => ai.CallAsync(AiCalls.CreateSnapshot, request, row.WorkerId, cancellation), cancellation);
            return new JsonObject
            {
                ["snapshot"] = info.SnapshotId,
                ["collection"] = row.Id,
                ["rows"] = info.LiveRows,
                ["bytes"] = info.Bytes,
                ["removed"] = await RemoveOlderAsync(context, row, cancellation),
            }.ToJsonString();
        }
        catch (ApiException e) when (e.Code != ErrorCodes.Cancelled)
        {
            throw new TaskFailedException($"{e.Code.Name}: {e.Message}", e.Code.Retriable, e);
        }
    }

    private async Task<int> RemoveOlderAsync(TaskContext context, Collection row, CancellationToken cancellation)
    {
        if (!context.Payload.TryGetProperty("keep", out var keep)) return 0;
        var all = await catalog.ListAsync(row.Id, cancellation);
        // Ids begin with their time; a newer one, by a task that overtook this, is none of its business.
        var older = all.Where(placed => string.CompareOrdinal(placed.Info.SnapshotId, context.TaskId) < 0)
            .Skip(keep.GetInt32() - 1).ToArray();
        foreach (var placed in older) await catalog.DeleteAsync(placed, cancellation);
        return older.Length;
    }

    private static string? CollectionOf(string? checkpoint) =>
        checkpoint is null ? null : JsonNode.Parse(checkpoint)?["collection"]?.GetValue<string>();
}
