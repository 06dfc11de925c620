using System.Text.Json;
using System.Text.Json.Nodes;
using Taishang.Core.Api;
using Taishang.Core.Data;
using Taishang.Core.Models;
using Taishang.Core.Tasks;
using Taishang.Executors;

namespace Taishang.Core.Collections;

/// <summary>
/// Tasks of type `restore`: payload <c>{snapshot, name, description?}</c>, result <c>{collection, name, rows,
/// model?}</c>. Makes a new collection on the worker that holds the snapshot: to replace one, move an alias. Another
/// attempt goes on with the collection that an earlier one began.
/// </summary>
internal sealed class RestoreTaskExecutor(
    SnapshotCatalog catalog, CollectionLife life, CollectionStore store, CollectionReadiness readiness,
    ModelStore models, SnapshotProgress progress) : ITaskExecutor
{
    public const string TypeName = "restore";

    public string Type => TypeName;

    public void Validate(JsonElement payload, PayloadErrors errors)
    {
        if (!TaskPayload.Fields(payload, errors, "snapshot", "name", "description")) return;
        TaskPayload.RequireText(payload, errors, "snapshot", Collection.ReferenceCharactersMax);
        TaskPayload.RequireText(payload, errors, "name", Collection.ReferenceCharactersMax);
        TaskPayload.OptionalText(payload, errors, "description", CollectionRules.DescriptionMax);
        if (payload.TryGetProperty("name", out var name) && name.ValueKind == JsonValueKind.String
            && !Collection.IsName(name.GetString()!))
            errors.Add("payload.name", $"expected {Collection.NamePattern}");
    }

    public async Task<string?> ExecuteAsync(TaskContext context, CancellationToken cancellation)
    {
        try
        {
            var placed = await catalog.GetAsync(context.Payload.GetProperty("snapshot").GetString()!, cancellation);
            var row = await RowAsync(context, placed, cancellation);
            var place = new SnapshotPlace(placed.Info.SnapshotId, placed.WorkerId);
            var begun = row;
            row = await progress.FollowAsync(
                place, context, () => life.CreateAsync(begun, place, cancellation), cancellation);
            var live = await readiness.DescribeAsync(row, cancellation);
            row = await readiness.ReconcileAsync(row, live, cancellation);
            var result = new JsonObject
            {
                ["collection"] = row.Id,
                ["name"] = row.Name,
                ["rows"] = live.LiveRows,
            };
            if (row.Model is not null) result["model"] = row.Model;
            return result.ToJsonString();
        }
        catch (ApiException e) when (e.Code != ErrorCodes.Cancelled)
        {
            throw new TaskFailedException($"{e.Code.Name}: {e.Message}", e.Code.Retriable, e);
        }
    }

    /// <summary>The row to create, under the id that an earlier attempt began with while that one still stands.
    /// </summary>
    private async Task<Collection> RowAsync(
        TaskContext context, PlacedSnapshot placed, CancellationToken cancellation)
    {
        var note = placed.Note ?? throw new TaskFailedException(
            $"the snapshot can not be read: {placed.Info.Error}", retriable: false);
        var now = life.Now();
        var begun = context.Checkpoint is { } saved
            ? JsonNode.Parse(saved)?["collection"]?.GetValue<string>() : null;
        if (begun is not null && await store.FindCreatingAsync(begun, cancellation) is { } earlier) return earlier;
        var id = RowId.New(now);
        await context.SaveCheckpointAsync(new JsonObject { ["collection"] = id }.ToJsonString(), cancellation);
        var description = context.Payload.TryGetProperty("description", out var text)
            ? text.GetString() : note.Row.Description;
        // Its model may be gone since: the vectors are whole without it, only text is not taken any more.
        var hasModel = note.Row.ModelId is { } model && await models.FindAsync(model, cancellation) is not null;
        return note.Row with
        {
            Id = id,
            Name = context.Payload.GetProperty("name").GetString()!,
            Description = description,
            Status = note.Row.IsFlat ? CollectionStatus.Ready : CollectionStatus.Building,
            ErrorMsg = null,
            Model = hasModel ? note.Row.Model : null,
            ModelId = hasModel ? note.Row.ModelId : null,
            ModelMajor = hasModel ? note.Row.ModelMajor : null,
            // There may be room for one of the two: who wants both in memory says so.
            Pinned = false,
            WorkerId = null,
            BuildTaskId = null,
            CreatedAt = now,
            UpdatedAt = now,
        };
    }
}

/// <summary>Where a collection to be made comes from.</summary>
/// <param name="SnapshotId">The snapshot.</param>
/// <param name="WorkerId">That holds it, and will hold the collection.</param>
internal sealed record SnapshotPlace(string SnapshotId, string WorkerId);
