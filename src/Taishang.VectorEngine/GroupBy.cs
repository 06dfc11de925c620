namespace Taishang.VectorEngine;

/// <summary>
/// How hits are gathered. A row belongs to the group of the field's value when that is a string, a number or a boolean;
/// numbers are equal by value (1 and 1.0 are one group). A row where the field is missing, null, an array or an object
/// belongs to none.
/// </summary>
/// <param name="Field">Name in the metadata, dotted for nested ones, as in filters.</param>
/// <param name="Size">Hits of a group at most, 1–1000.</param>
public sealed record GroupBy(string Field, int Size);

/// <summary>The nearest rows of one group.</summary>
/// <param name="ValueJson">The field's value that they share: a JSON string, number or boolean.</param>
/// <param name="Hits">Nearest first, ties by id; at least one.</param>
public sealed record HitGroup(ReadOnlyMemory<byte> ValueJson, IReadOnlyList<SearchHit> Hits);

/// <summary>The groups in the order of their nearest rows.</summary>
public sealed record GroupedAnswer(IReadOnlyList<HitGroup> Groups);
