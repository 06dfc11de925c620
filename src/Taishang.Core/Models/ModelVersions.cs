using Semver;

namespace Taishang.Core.Models;

/// <summary>What semantic versions mean here: a major is a promise, the newest within it is what runs.</summary>
internal static class ModelVersions
{
    public const int LengthMax = 20;

    public static bool TryParse(string text, out int major)
    {
        major = 0;
        if (text.Length > LengthMax || !SemVersion.TryParse(text, SemVersionStyles.Strict, out var version, LengthMax))
            return false;
        if (version.Major > int.MaxValue) return false;
        major = (int)version.Major;
        return true;
    }

    /// <summary>The newest release; the newest pre-release only where nothing was released.</summary>
    public static ModelVersion? Newest(IEnumerable<ModelVersion> versions) => versions
        .Select(version => (Row: version, Version: SemVersion.Parse(version.Version, SemVersionStyles.Strict)))
        .OrderByDescending(pair => pair.Version.IsRelease)
        .ThenByDescending(pair => pair.Version, SemVersion.SortOrderComparer)
        .FirstOrDefault().Row;
}
