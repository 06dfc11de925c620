namespace Taishang.Ai.Models;

/// <summary>
/// The folder that local models are read from, and the one place that turns names from outside into paths. A name may
/// have folders in it but never leads out: neither by dots, nor as an absolute path, nor through a link.
/// </summary>
internal sealed class ModelFolder(string root)
{
    private const int MaxNameCharacters = 200;
    private const int MaxLinks = 40;

    /// <summary>The folder itself, as it was configured, made absolute.</summary>
    public string Root { get; } = Path.GetFullPath(root);

    /// <summary>
    /// The real path, free of links, of <paramref name="file"/> of the model <paramref name="name"/>; null if there
    /// is no such file.
    /// </summary>
    /// <exception cref="ModelException">Of kind PathEscape, if name or file leads out of the folder.</exception>
    public string? Find(string name, string file)
    {
        CheckName(name, "model");
        CheckName(file, "file");
        string real = RealPath(Path.Combine(Root, name, file));
        string realRoot = RealPath(Root);
        if (!real.StartsWith(realRoot.TrimEnd('/') + '/', StringComparison.Ordinal))
        {
            throw new ModelException(
                ModelErrorKind.PathEscape, $"model: a link in '{name}' leads '{file}' out of the models folder.");
        }
        return File.Exists(real) ? real : null;
    }

    /// <summary>The real path of a file that must be there.</summary>
    /// <exception cref="ModelException">Of kind FileMissing or PathEscape.</exception>
    public string Require(string name, string file) => Find(name, file) ?? throw new ModelException(
        ModelErrorKind.FileMissing, $"model: '{name}/{file}' is not in the models folder.");

    private static void CheckName(string name, string field)
    {
        if (name.Length is 0 or > MaxNameCharacters)
        {
            throw new ModelException(ModelErrorKind.InvalidConfig,
                $"{field}: a name of 1 to {MaxNameCharacters} characters is expected, {name.Length} came.");
        }
        bool escapes = Path.IsPathRooted(name) || name.Contains('\\') || name.Contains(':')
            || name.Any(char.IsControl) || name.Split('/').Any(part => part is "" or "." or "..");
        if (!escapes) return;
        throw new ModelException(
            ModelErrorKind.PathEscape, $"{field}: '{name}' is not a name inside the models folder.");
    }

    // Walks the path part by part and follows each link, because the platform's own call resolves the last part only.
    private static string RealPath(string path)
    {
        var parts = new Stack<string>(path.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse());
        string real = "/";
        int links = 0;
        while (parts.TryPop(out string? part))
        {
            if (part == ".") continue;
            if (part == "..")
            {
                real = Path.GetDirectoryName(real) ?? "/";
                continue;
            }
            string next = Path.Combine(real, part);
            if (new FileInfo(next).LinkTarget is not { } target)
            {
                real = next;
                continue;
            }
            if (++links > MaxLinks)
                throw new ModelException(ModelErrorKind.PathEscape, "model: its path is a loop of links.");
            if (Path.IsPathRooted(target)) real = "/";
            foreach (string step in target.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse())
                parts.Push(step);
        }
        return real;
    }
}
