using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Segments;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine;

/// <summary>
/// The answer of a search in memory that is used again: the hits, nearest first, ties by id, whose ids, metadata and
/// vectors are read where they lie in the engine. Nothing is copied and, after warm-up, nothing is allocated.
/// <para>
/// Until the next search into it, <see cref="Clear"/> or <see cref="Dispose"/>, it keeps the rows that it shows in
/// memory, also while they are deleted, compacted away or their collection is closed. For one thread at a time; an
/// object that is dropped without being cleared keeps that memory for the life of the process.
/// </para>
/// </summary>
public sealed class SearchMatches : IDisposable
{
    private readonly List<Generation> _held = [];
    private Entry[] _entries = [];

    public int Count { get; private set; }

    /// <summary>The hit at a place below <see cref="Count"/>; valid as long as what this object holds.</summary>
    public SearchMatch this[int place]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)place, (uint)Count, nameof(place));
            ref readonly var entry = ref _entries[place];
            return new SearchMatch(entry.Rows, entry.Row, entry.Distance);
        }
    }

    /// <summary>Empties the answer and lets go of the rows.</summary>
    public void Clear()
    {
        Array.Clear(_entries, 0, Count);
        Count = 0;
        foreach (var generation in _held)
            generation.Release();
        _held.Clear();
    }

    public void Dispose() => Clear();

    /// <summary>Takes over a lease on the generation that rows to be added belong to.</summary>
    internal void Hold(Generation generation) => _held.Add(generation);

    /// <summary>Adds one neighbour if it reaches the threshold.</summary>
    internal void Add(RowTable rows, Neighbor neighbor, float? scoreThreshold) =>
        Add(rows, new ReadOnlySpan<Neighbor>(in neighbor), scoreThreshold);

    /// <summary>Adds the neighbours that reach the threshold, in their order.</summary>
    internal void Add(RowTable rows, ReadOnlySpan<Neighbor> found, float? scoreThreshold)
    {
        if (_entries.Length < Count + found.Length)
            Array.Resize(ref _entries, Math.Max(Count + found.Length, _entries.Length * 2));

        foreach (var neighbor in found)
        {
            var distance = Scores.Distance(rows.Metric, neighbor.Distance);
            if (Scores.Score(rows.Metric, distance) < scoreThreshold)
                continue;

            _entries[Count++] = new Entry(rows, neighbor.Row, distance);
        }
    }

    private readonly record struct Entry(RowTable Rows, int Row, float Distance);
}
