namespace Taishang.VectorEngine.Segments;

/// <summary>
/// A compaction that is under way, with what it has finished. Its rows are those of one moment, at which
/// <see cref="FirstLog"/> began: every start brings the same rows under the same numbers, so what was copied from them
/// stays right however often the process ends before the rest is done.
/// </summary>
internal sealed record BegunCompaction
{
    /// <summary>Bits of all rows of that moment: those that were dead, and are left out.</summary>
    public required string LeftOut { get; init; }

    /// <summary>Records from this log on are not in the copies.</summary>
    public required long FirstLog { get; init; }

    /// <summary>Copied so far, in order of rows.</summary>
    public IReadOnlyList<SegmentEntry> Segments { get; init; } = [];

    /// <summary>The graph over the first of the copied rows; null before its first save.</summary>
    public string? Graph { get; init; }

    public IEnumerable<string> Files()
    {
        var names = Segments.Select(segment => segment.File).Append(LeftOut);
        return Graph is null ? names : names.Append(Graph);
    }
}
