using System.Runtime.InteropServices;

namespace Taishang.VectorEngine.Memory;

/// <summary>
/// A block of unmanaged memory, aligned to a cache line, its content undefined (so that
/// the system gives pages only as they are touched). Blocks that ask for it sit on huge pages where the
/// system has them: a walk through a graph touches a page per vector, and address translation is a good part of its
/// cost.
/// </summary>
internal sealed unsafe partial class NativeBlock : IDisposable
{
    private const nuint CacheLineBytes = 64;
    private const nuint HugePageBytes = 2 << 20;
    private const int AdviseHugePages = 14;

    private byte* _pointer;

    public NativeBlock(nuint bytes, bool hugePages)
    {
        Bytes = bytes;
        var huge = hugePages && bytes >= HugePageBytes;
        _pointer = (byte*)NativeMemory.AlignedAlloc(bytes, huge ? HugePageBytes : CacheLineBytes);
        if (huge && OperatingSystem.IsLinux())
        {
            // Advice only: a refusal leaves ordinary pages.
            _ = Advise(_pointer, bytes, AdviseHugePages);
        }
    }

    ~NativeBlock() => Free();

    public nuint Bytes { get; }

    /// <summary>Start of the block; valid until <see cref="Dispose"/>.</summary>
    public byte* Pointer => _pointer;

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        NativeMemory.AlignedFree(_pointer);
        _pointer = null;
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Advise(void* address, nuint length, int advice);
}
