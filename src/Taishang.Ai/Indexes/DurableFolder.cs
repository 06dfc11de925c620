using System.Runtime.InteropServices;

namespace Taishang.Ai.Indexes;

/// <summary>
/// Writes whose effect on a folder survives a power cut: a rename is only on disk once the folder itself is synced.
/// </summary>
internal static partial class DurableFolder
{
    private const int OpenDirectory = 0x10000;

    /// <summary>Writes aside, syncs, renames over the target, syncs the folder.</summary>
    public static void WriteFile(string path, ReadOnlySpan<byte> content)
    {
        var aside = path + ".new";
        using (var file = new FileStream(aside, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            file.Write(content);
            file.Flush(flushToDisk: true);
        }

        File.Move(aside, path, overwrite: true);
        Sync(Path.GetDirectoryName(path)!);
    }

    public static void Rename(string from, string to)
    {
        Directory.Move(from, to);
        Sync(Path.GetDirectoryName(to)!);
    }

    /// <summary>Best effort by design: file systems that can not sync a folder order renames by themselves.</summary>
    private static void Sync(string folder)
    {
        // Windows makes renames durable with the file and has no handle of this kind.
        if (!OperatingSystem.IsLinux()) return;
        var handle = Open(folder, OpenDirectory);
        if (handle < 0) return;
        _ = Fsync(handle);
        _ = Close(handle);
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    private static partial int Fsync(int handle);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int handle);
}
