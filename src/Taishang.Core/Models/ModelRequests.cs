using System.Text.Json;

namespace Taishang.Core.Models;

/// <summary>Body of POST /models.</summary>
internal sealed record ModelCreate
{
    public required string Name { get; init; }

    public required string Provider { get; init; }

    public required string Version { get; init; }

    public string? Endpoint { get; init; }

    public JsonElement? Config { get; init; }

    /// <summary>inactive keeps it so after a passed test.</summary>
    public string? Status { get; init; }
}

/// <summary>Body of PUT /models/:id.</summary>
internal sealed record ModelUpdate
{
    public required string Version { get; init; }

    public string? Endpoint { get; init; }

    public JsonElement? Config { get; init; }
}

/// <summary>Body of POST /models/:id/deprecate.</summary>
internal sealed record ModelDeprecate
{
    public required DateTimeOffset RetireAt { get; init; }
}

/// <summary>Body of POST /models/:id/rollback.</summary>
internal sealed record ModelRollback
{
    public required string Version { get; init; }
}
