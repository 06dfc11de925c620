namespace Taishang.Core.Collections;

/// <summary>A second name of a collection, which can be pointed at another one in a moment.</summary>
internal sealed record Alias
{
    /// <summary>Aliases that one call moves.</summary>
    public const int ChangesMax = 100;

    /// <summary>Aliases of one collection.</summary>
    public const int OfCollectionMax = 100;

    public string Name { get; init; } = "";

    public string CollectionId { get; init; } = "";

    public string CollectionName { get; init; } = "";

    public DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset UpdatedAt { get; init; }
}

/// <summary>One alias as a call wants it.</summary>
/// <param name="Name">Made when it does not exist, moved when it does.</param>
/// <param name="Collection">Name, id or alias, as they stand before the call; null removes the alias.</param>
internal sealed record AliasChange(string Name, string? Collection);
