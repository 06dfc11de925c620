using Semver;

namespace Taishang.Core.Models;

/// <summary>What semantic versions mean here: a major version is a promise, the newest within it is what runs.</summary>
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

    /// <summary>The newest by precedence; releases before pre-releases as semantic versioning orders them.</summary>
    public static ModelVersion? Newest(IEnumerable<ModelVersion> versions) =>
        versions.MaxBy(version => SemVersion.Parse(version.Version, SemVersionStyles.Strict), SemVersion.SortOrderComparer);
}
