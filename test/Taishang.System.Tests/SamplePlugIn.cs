using Taishang.Testing.Processes;

namespace Taishang.System.Tests;

/// <summary>The sample of an executor, as it was built, in a folder of plug-ins.</summary>
internal static class SamplePlugIn
{
    private const string Name = "word-count";

    /// <summary>Copies it there; returns the folder of plug-ins.</summary>
    public static string CopyTo(string folder)
    {
        var built = Path.Combine(Repository.Root, $"samples/{Name}/bin/Release/net10.0");
        var target = Directory.CreateDirectory(Path.Combine(folder, Name)).FullName;
        foreach (var file in Directory.GetFiles(built)) File.Copy(file, Path.Combine(target, Path.GetFileName(file)));
        return folder;
    }
}
