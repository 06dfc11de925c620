using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Taishang.VectorEngine.Memory;

namespace Taishang.VectorEngine.Storage;

/// <summary>The real disk.</summary>
internal sealed partial class DiskDevice : IStorageDevice
{
    private const int ReadOnlyFlag = 0;
    private const int NoSuchFile = 2;

    public static readonly DiskDevice Instance = new();

    public IStorageFile Create(string path) => new DiskFile(
        File.OpenHandle(path, FileMode.Create, FileAccess.ReadWrite, FileShare.Read));

    public IStorageFile Open(string path, bool writable) => new DiskFile(
        File.OpenHandle(
            path,
            FileMode.Open,
            writable ? FileAccess.ReadWrite : FileAccess.Read,
            writable ? FileShare.Read : FileShare.ReadWrite));

    public IStorageFile CreateLog(string path)
    {
        var file = Create(path);
        if (DirectFiles.TryOpen(path) is not { } direct)
            return file;

        file.Dispose();
        return new DiskFile(direct, isDirect: true);
    }

    public IStorageFile OpenLog(string path) =>
        DirectFiles.TryOpen(path) is { } direct ? new DiskFile(direct, isDirect: true) : Open(path, writable: true);

    public bool Exists(string path) => File.Exists(path);

    public void Rename(string from, string to) => File.Move(from, to, overwrite: true);

    public void Delete(string path) => File.Delete(path);

    public bool TryLink(string from, string to)
    {
        if (!OperatingSystem.IsLinux())
            return false;

        if (Link(from, to) == 0)
            return true;

        return Marshal.GetLastPInvokeError() == NoSuchFile
            ? throw new FileNotFoundException($"there is no file {from}", from)
            : false;
    }

    public void SyncFolder(string folder)
    {
        // Windows orders its directory changes by itself and cannot open a folder for syncing.
        if (OperatingSystem.IsWindows())
            return;

        var descriptor = OpenDescriptor(folder, ReadOnlyFlag);
        if (descriptor < 0)
            throw new IOException($"cannot open the folder {folder} (error {Marshal.GetLastPInvokeError()})");

        var failed = SyncDescriptor(descriptor) != 0;
        var error = Marshal.GetLastPInvokeError();
        _ = CloseDescriptor(descriptor);
        if (failed)
            throw new IOException($"cannot sync the folder {folder} (error {error})");
    }

    public IReadOnlyList<string> List(string folder) =>
        [.. Directory.EnumerateFiles(folder).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int OpenDescriptor(string path, int flags);

    [LibraryImport("libc", EntryPoint = "link", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Link(string from, string to);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SyncDescriptor(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int CloseDescriptor(int descriptor);

    private sealed class DiskFile(SafeFileHandle handle, bool isDirect = false) : IStorageFile
    {
        private readonly bool _isDirect = isDirect;

        /// <summary>No direct write has succeeded yet.</summary>
        private bool _isUnproven = isDirect;

        public long Length => RandomAccess.GetLength(handle);

        public int Read(long offset, Span<byte> target)
        {
            var total = 0;
            while (total < target.Length)
            {
                var read = RandomAccess.Read(handle, target[total..], offset + total);
                if (read == 0)
                    break;

                total += read;
            }

            return total;
        }

        public void Write(long offset, ReadOnlySpan<byte> bytes)
        {
            try
            {
                RandomAccess.Write(handle, bytes, offset);
                _isUnproven = false;
            }
            catch (Exception exception) when (_isUnproven && exception is IOException or ArgumentException)
            {
                // Only the first write may tell that this file system takes no direct ones; a later failure is one.
                _isUnproven = false;
                if (!DirectFiles.TryTurnOff(handle))
                    throw;

                RandomAccess.Write(handle, bytes, offset);
            }
        }

        public void SetLength(long bytes) => RandomAccess.SetLength(handle, bytes);

        public unsafe bool TryMapOver(nint address, long offset, long bytes) =>
            SystemPages.TryMapOver((byte*)address, (nuint)bytes, handle, offset);

        public void Sync()
        {
            if (_isDirect)
                DirectFiles.Sync(handle);
            else
                RandomAccess.FlushToDisk(handle);
        }

        public void Dispose() => handle.Dispose();
    }
}
