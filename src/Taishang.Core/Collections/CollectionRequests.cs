using System.Text.Json;

namespace Taishang.Core.Collections;

/// <summary>Body of POST /vector_collections.</summary>
internal sealed class CreateCollectionBody
{
    public required string Name { get; init; }

    public required int Dims { get; init; }

    public required string IndexType { get; init; }

    public string? MetricType { get; init; }

    public JsonElement? Params { get; init; }

    public string? Model { get; init; }

    public string? Engine { get; init; }

    public string? Compression { get; init; }

    public long? TtlSeconds { get; init; }

    public int? Shards { get; init; }

    public string? Description { get; init; }

    public bool? Pinned { get; init; }
}

/// <summary>
/// Body of PUT /vector_collections/:id. What is absent stays, null removes; a field that can not change may be given
/// with the value that it has.
/// </summary>
internal sealed class ChangeCollectionBody
{
    public string? Name { get; init; }

    public string? Description
    {
        get;
        init
        {
            field = value;
            DescriptionGiven = true;
        }
    }

    public long? TtlSeconds
    {
        get;
        init
        {
            field = value;
            TtlGiven = true;
        }
    }

    public JsonElement? Params { get; init; }

    public bool? Pinned { get; init; }

    public int? Dims { get; init; }

    public string? MetricType { get; init; }

    public string? IndexType { get; init; }

    public string? Engine { get; init; }

    public string? Model { get; init; }

    public string? Compression { get; init; }

    public int? Shards { get; init; }

    /// <summary>Nothing is asked for: more likely a mistake than a wish.</summary>
    internal bool IsEmpty => this is
    {
        Name: null, DescriptionGiven: false, TtlGiven: false, Params: null, Pinned: null, Dims: null,
        MetricType: null, IndexType: null, Engine: null, Model: null, Compression: null, Shards: null,
    };

    internal bool DescriptionGiven { get; private set; }

    internal bool TtlGiven { get; private set; }
}
