using System.Text.Json;
using Taishang.Contracts.Ai.V1;

namespace Taishang.Core.Collections;

/// <summary>What core keeps with a snapshot: enough to make the collection again without the database.</summary>
/// <param name="Row">As it was when the snapshot was asked for.</param>
/// <param name="Description">Of the snapshot.</param>
internal sealed record SnapshotNote(Collection Row, string? Description)
{
    public string ToJson() => JsonSerializer.Serialize(this);

    /// <summary>Null when it is none of ours.</summary>
    public static SnapshotNote? Parse(string json)
    {
        try
        {
            return json.Length == 0 ? null : JsonSerializer.Deserialize<SnapshotNote>(json);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>A snapshot and the worker on whose disk it lies.</summary>
internal sealed record PlacedSnapshot(SnapshotInfo Info, string WorkerId)
{
    public SnapshotNote? Note { get; } = SnapshotNote.Parse(Info.NoteJson);
}

/// <summary>A snapshot as the API answers with it. One that can not be read has an id, a worker and an error.</summary>
internal sealed record SnapshotView
{
    public required string Id { get; init; }

    public string? CollectionId { get; init; }

    /// <summary>The collection's name when the snapshot was taken.</summary>
    public string? Collection { get; init; }

    public string? Description { get; init; }

    public int? Dims { get; init; }

    public string? IndexType { get; init; }

    public string? MetricType { get; init; }

    public long? Rows { get; init; }

    public long? Bytes { get; init; }

    public DateTimeOffset? CreatedAt { get; init; }

    public required string WorkerId { get; init; }

    public string? Error { get; init; }

    public static SnapshotView Of(PlacedSnapshot placed)
    {
        var info = placed.Info;
        if (info.Error.Length > 0)
            return new SnapshotView { Id = info.SnapshotId, WorkerId = placed.WorkerId, Error = info.Error };
        return new SnapshotView
        {
            Id = info.SnapshotId,
            CollectionId = info.CollectionId,
            Collection = placed.Note?.Row.Name,
            Description = placed.Note?.Description,
            Dims = info.Spec.Dims,
            IndexType = placed.Note?.Row.IndexType,
            MetricType = placed.Note?.Row.MetricType,
            Rows = info.LiveRows,
            Bytes = info.Bytes,
            CreatedAt = DateTimeOffset.FromUnixTimeMilliseconds(info.CreatedAtMs),
            WorkerId = placed.WorkerId,
        };
    }
}
