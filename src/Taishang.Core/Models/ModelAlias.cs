namespace Taishang.Core.Models;

/// <summary>A name such as <c>champion</c> that leads to one version of a model and can be moved in a moment.</summary>
public sealed record ModelAlias
{
    public const int NameLengthMax = 50;

    /// <summary>Of one model, and so of one call too.</summary>
    public const int OfModelMax = 50;

    public string ModelId { get; init; } = "";

    public string Alias { get; init; } = "";

    public string Version { get; init; } = "";

    public DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset UpdatedAt { get; init; }
}

/// <summary>One alias as a call wants it.</summary>
/// <param name="Alias">Made when it does not exist, moved when it does.</param>
/// <param name="Version">Where it shall lead; null removes it.</param>
/// <param name="Expected">Where it must lead now for the call to be done; null when nothing is expected.</param>
public sealed record ModelAliasChange(string Alias, string? Version, AliasExpectation? Expected = null);

/// <param name="Version">The version it leads to; null when there must be no such alias.</param>
public sealed record AliasExpectation(string? Version);
