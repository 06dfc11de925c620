using Semver;

namespace Taishang.Core.Models;

/// <summary>
/// What the versions of one major promise together. A major fixes what others build on: kind, dims, whether embeddings
/// are normalised and by which metric they are compared. A minor may offer more and never less: tokens read, context,
/// labels. A patch changes none of these. What is not known of one of two versions is not held against the other.
/// </summary>
internal static class ModelPromises
{
    /// <summary>Why a version does not fit another one of its major; null when it does.</summary>
    /// <param name="version">As it is registered.</param>
    /// <param name="test">What it was seen to do.</param>
    /// <param name="other">Of the same major; itself too, which holds it to what it was seen to do before.</param>
    public static string? Misfit(ModelVersion version, ModelTest test, ModelVersion other)
    {
        if (other.Kind is null) return null;
        var of = $"version {other.Version} of major {other.Major}";
        if (other.Kind != test.Kind) return $"{of} is of kind {other.Kind}, this of {test.Kind}";
        if (other.Dims != test.Dims) return $"{of} has {other.Dims} dims, this one {test.Dims}";
        var (mine, theirs) = (ModelFacts.Of(version, test), ModelFacts.Of(other));
        if (mine.Normalized is { } normalized && theirs.Normalized is { } before && normalized != before)
            return $"{of} gives vectors that are {Normal(before)}, this one {Normal(normalized)}";
        if (mine.Metric is { } metric && theirs.Metric is { } old && metric != old)
            return $"{of} is for the metric {old}, this one for {metric}";
        var step = Step(version.Version, other.Version);
        return Grown(step, "max tokens", mine.MaxTokens, theirs.MaxTokens, of)
            ?? Grown(step, "context tokens", mine.ContextTokens, theirs.ContextTokens, of)
            ?? Labels(step, mine.Labels, theirs.Labels, of);
    }

    /// <summary>0 within one minor; else which of the two is the newer minor, as a sign.</summary>
    private static int Step(string version, string other)
    {
        var (mine, theirs) = (SemVersion.Parse(version, SemVersionStyles.Strict),
            SemVersion.Parse(other, SemVersionStyles.Strict));
        return mine.Minor.CompareTo(theirs.Minor);
    }

    private static string? Grown(int step, string what, int? mine, int? theirs, string of)
    {
        if (mine is not { } now || theirs is not { } before || now == before) return null;
        if (step != 0 && Math.Sign(now.CompareTo(before)) == Math.Sign(step)) return null;
        return $"{of} has {before} {what}, this one {now}: a minor may raise them, a patch not change them";
    }

    private static string? Labels(
        int step, IReadOnlyList<string>? mine, IReadOnlyList<string>? theirs, string of)
    {
        if (mine is null || theirs is null) return null;
        var gone = theirs.Except(mine, StringComparer.Ordinal).FirstOrDefault();
        var added = mine.Except(theirs, StringComparer.Ordinal).FirstOrDefault();
        if (gone is not null && step >= 0) return $"{of} has the label '{gone}', this one not";
        if (added is not null && step <= 0)
            return $"{of} has no label '{added}', this one has: a minor may add labels, a patch not";
        return null;
    }

    private static string Normal(bool normalized) => normalized ? "normalised" : "not normalised";
}
