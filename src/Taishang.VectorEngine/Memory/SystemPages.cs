using System.Runtime.InteropServices;

namespace Taishang.VectorEngine.Memory;

/// <summary>
/// Pages of the system: taken without content, given back, and replaced in place by pages of a file. Linux on 64 bits
/// only; elsewhere <see cref="CanMap"/> is false and blocks come from the ordinary allocator.
/// </summary>
internal static unsafe partial class SystemPages
{
    private const int ReadOnly = 1;
    private const int ReadAndWrite = 3;
    private const int Private = 0x02;
    private const int Fixed = 0x10;
    private const int Anonymous = 0x20;
    private const int NoFile = -1;
    private const nint Failed = -1;
    private const int AdviseHugePages = 14;
    private const int PopulateForWriting = 23;

    public static int Bytes { get; } = Environment.SystemPageSize;

    /// <summary>Whether the calls below exist, with the numbers given here.</summary>
    public static bool CanMap { get; } = OperatingSystem.IsLinux() && Environment.Is64BitProcess;

    public static nuint RoundUp(nuint bytes, nuint alignment) => (bytes + alignment - 1) / alignment * alignment;

    /// <summary>Pages of zeros, given by the system only as they are touched.</summary>
    /// <param name="bytes">A multiple of the page size.</param>
    /// <param name="alignment">Of the address: a multiple of the page size.</param>
    /// <exception cref="MemoryLimitException">The system has no address range left for them.</exception>
    public static byte* Take(nuint bytes, nuint alignment)
    {
        var slack = alignment - (nuint)Bytes;
        var taken = Map(null, bytes + slack, ReadAndWrite, Private | Anonymous, NoFile, 0);
        if ((nint)taken == Failed)
        {
            var error = Marshal.GetLastPInvokeError();
            throw new MemoryLimitException($"the system refused {bytes} bytes (error {error})", (long)bytes, 0, 0);
        }

        var start = (byte*)RoundUp((nuint)taken, alignment);
        var before = (nuint)(start - taken);
        if (before > 0)
            GiveBack(taken, before);
        if (slack > before)
            GiveBack(start + bytes, slack - before);
        return start;
    }

    public static void GiveBack(byte* address, nuint bytes) => _ = Unmap(address, bytes);

    /// <summary>Advice only: a refusal leaves ordinary pages.</summary>
    public static void PreferHugePages(byte* address, nuint bytes) => _ = Advise(address, bytes, AdviseHugePages);

    /// <summary>Has the system give pages now instead of at the first touch; their content stays what it is. Systems
    /// that cannot do it (Linux before 5.14) leave it to the first touch.</summary>
    public static void Populate(byte* address, nuint bytes) => _ = Advise(address, bytes, PopulateForWriting);

    /// <summary>
    /// Puts pages of a file, for reading only, in the place of whole pages taken before. Who reads there at the same
    /// time sees the old bytes or the new ones: the system swaps them under the lock that page faults wait for.
    /// </summary>
    /// <returns>False when the system refused; nothing has changed then.</returns>
    public static bool TryMapOver(byte* address, nuint bytes, SafeHandle file, long offset)
    {
        if (!CanMap)
            return false;

        var mapped = Map(address, bytes, ReadOnly, Private | Fixed, (int)file.DangerousGetHandle(), (nint)offset);
        GC.KeepAlive(file);
        return (nint)mapped != Failed;
    }

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial byte* Map(byte* address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Unmap(byte* address, nuint length);

    [LibraryImport("libc", EntryPoint = "madvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Advise(byte* address, nuint length, int advice);
}
