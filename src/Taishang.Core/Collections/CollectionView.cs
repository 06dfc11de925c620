using System.Text.Json;
using Taishang.Contracts.Ai.V1;

namespace Taishang.Core.Collections;

/// <summary>A collection as the API answers with it.</summary>
internal sealed record CollectionView
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    /// <summary>Other names that lead here, in their order.</summary>
    public required IReadOnlyList<string> Aliases { get; init; }

    public required int Dims { get; init; }

    public required string IndexType { get; init; }

    public required string MetricType { get; init; }

    public required string Status { get; init; }

    public string? ErrorMsg { get; init; }

    public required JsonElement Params { get; init; }

    public string? Model { get; init; }

    public string? ModelId { get; init; }

    public int? ModelMajor { get; init; }

    public required string Engine { get; init; }

    public required string Compression { get; init; }

    public long? TtlSeconds { get; init; }

    public required int Shards { get; init; }

    public string? Description { get; init; }

    /// <summary>As it was asked for.</summary>
    public required bool Pinned { get; init; }

    public string? BuildTaskId { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; init; }

    /// <summary>Only of one collection, and only when its worker answered.</summary>
    public CollectionStats? Stats { get; init; }

    public static CollectionView Of(
        Collection row, IEnumerable<string> aliases, DescribeCollectionResponse? live = null)
    {
        using var parameters = JsonDocument.Parse(row.Params);
        return new CollectionView
        {
            Id = row.Id,
            Name = row.Name,
            Aliases = [.. aliases.Order(StringComparer.Ordinal)],
            Dims = row.Dims,
            IndexType = row.IndexType,
            MetricType = row.MetricType,
            Status = row.Status,
            ErrorMsg = row.ErrorMsg,
            Params = parameters.RootElement.Clone(),
            Model = row.Model,
            ModelId = row.ModelId,
            ModelMajor = row.ModelMajor,
            Engine = row.Engine,
            Compression = row.Compression,
            TtlSeconds = row.TtlSeconds,
            Shards = row.Shards,
            Description = row.Description,
            Pinned = row.Pinned,
            BuildTaskId = row.BuildTaskId,
            CreatedAt = row.CreatedAt,
            UpdatedAt = row.UpdatedAt,
            Stats = live is null ? null : CollectionStats.Of(live),
        };
    }
}

/// <summary>What the worker tells of a collection.</summary>
/// <param name="Rows">Rows that a search can find. Exact.</param>
/// <param name="IndexedRows">Of them, those that the index covers; the others are scanned.</param>
/// <param name="DeadRows">Deleted, replaced or expired, and not yet compacted away.</param>
/// <param name="DiskBytes">Files of the collection.</param>
/// <param name="MemoryBytes">Estimated.</param>
/// <param name="RecoveryNotes">What recovery had to mend at the last start.</param>
/// <param name="Index">What answers searches now; null from a worker that does not tell.</param>
/// <param name="Tier">hot when its rows are in memory, cold when the next call has to load them; null from a worker
/// that does not tell.</param>
/// <param name="Pinned">Whether the worker keeps it in memory: because it was asked to, or by its own setting.</param>
internal sealed record CollectionStats(
    long Rows, long IndexedRows, long DeadRows, long DiskBytes, long MemoryBytes, IReadOnlyList<string> RecoveryNotes,
    IndexView? Index, string? Tier, bool Pinned)
{
    public static CollectionStats Of(DescribeCollectionResponse live) => new(
        live.LiveRows, live.IndexedRows, live.DeadRows, live.DiskBytes, live.MemoryBytes, [.. live.RecoveryNotes],
        live.Index is null ? null : IndexView.Of(live.Index),
        live.Tier switch
        {
            Contracts.Ai.V1.Tier.Hot => "hot",
            Contracts.Ai.V1.Tier.Cold => "cold",
            _ => null,
        },
        live.Spec?.Pinned == true);
}
