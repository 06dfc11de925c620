using System.Diagnostics;
using Taishang.Testing.Processes;

namespace Taishang.System.Tests.Faults;

/// <summary>A file system of a few megabytes in memory, mounted over a folder; skips the test where that is not
/// allowed.</summary>
internal sealed class SmallFileSystem : IDisposable
{
    private readonly string _folder;

    public SmallFileSystem(string folder, int mebibytes)
    {
        _folder = folder;
        Directory.CreateDirectory(folder);
        if (!Run("mount", "-t", "tmpfs", "-o", $"size={mebibytes}m", "tmpfs", folder))
            Assert.Skip("mounting a small file system needs the right to mount");
    }

    public void Dispose() => Run("umount", "-l", _folder);

    private static bool Run(string program, params string[] arguments)
    {
        try
        {
            var start = new ProcessStartInfo(program, arguments)
            {
                RedirectStandardError = true,
                UseShellExecute = false,
            };
            using var process = Process.Start(start)!;
            process.StandardError.ReadToEnd();
            return process.WaitForExit(ServerProcess.Patience) && process.ExitCode == 0;
        }
        catch (global::System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
