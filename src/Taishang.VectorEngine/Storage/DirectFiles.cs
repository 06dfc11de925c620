using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Taishang.VectorEngine.Storage;

/// <summary>
/// Files that are written past the system's page cache (O_DIRECT). A log is never read while it is written, so the
/// cache only costs: a copy, pages to be found for it, and all of it once more at the sync. Addresses, offsets and
/// lengths are multiples of <see cref="BlockBytes"/> then. Linux only, and not on every file system.
/// </summary>
internal static partial class DirectFiles
{
    /// <summary>A multiple of what disks in use ask for (512 or 4,096).</summary>
    public const int BlockBytes = 4096;

    private const int WriteOnly = 1;
    private const int CloseOnExec = 0x80000;
    private const int SetFlags = 4;

    /// <summary>The flag's bit differs by processor; zero where this code does not know it.</summary>
    private static readonly int _direct = !OperatingSystem.IsLinux() ? 0 : RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 or Architecture.X86 => 0x4000,
        Architecture.Arm64 or Architecture.Arm => 0x10000,
        _ => 0,
    };

    /// <summary>Opens a file that exists; null where only the ordinary way is open.</summary>
    public static SafeFileHandle? TryOpen(string path)
    {
        if (_direct == 0)
            return null;

        var descriptor = Open(path, WriteOnly | CloseOnExec | _direct);
        return descriptor < 0 ? null : new SafeFileHandle(descriptor, ownsHandle: true);
    }

    /// <summary>Goes on through the cache with an open file: a file system may take the flag and refuse the writes.
    /// </summary>
    public static bool TryTurnOff(SafeFileHandle handle)
    {
        var done = Control((int)handle.DangerousGetHandle(), SetFlags, 0) == 0;
        GC.KeepAlive(handle);
        return done;
    }

    /// <summary>Returns when the content is on the disk, and of the file's particulars what is needed to find it: its
    /// length, but not when it was changed, which costs a second write.</summary>
    /// <exception cref="IOException">The disk refused.</exception>
    public static void Sync(SafeFileHandle handle)
    {
        var failed = SyncData((int)handle.DangerousGetHandle()) != 0;
        var error = Marshal.GetLastPInvokeError();
        GC.KeepAlive(handle);
        if (failed)
            throw new IOException($"the disk did not take the content of a log (error {error})");
    }

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SyncData(int descriptor);

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Control(int descriptor, int command, nint argument);
}
