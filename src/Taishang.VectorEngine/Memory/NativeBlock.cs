using System.Runtime.InteropServices;

namespace Taishang.VectorEngine.Memory;

/// <summary>
/// A block of unmanaged memory, aligned to a cache line, its content undefined (so that
/// the system gives pages only as they are touched). Large blocks are pages of their own, over which a file may be
/// mapped. Blocks that ask for it sit on huge pages where the system has them: a walk through a graph touches a page
/// per vector, and address translation is a good part of its cost.
/// </summary>
internal sealed unsafe class NativeBlock : IDisposable
{
    private const nuint CacheLineBytes = 64;
    private const nuint HugePageBytes = 2 << 20;

    /// <summary>From this size on a block is made of whole pages: below, rounding up would waste more than it brings.
    /// </summary>
    private const nuint WholePagesFromBytes = 64 << 10;

    private byte* _pointer;

    public NativeBlock(nuint bytes, bool hugePages)
        : this(bytes, hugePages ? bytes : 0)
    {
    }

    /// <param name="bytes">Of the block.</param>
    /// <param name="hugeBytes">From its start on, the part that is to sit on huge pages as far as it fills them: a page
    /// of which little is used takes its two mebibytes all the same.</param>
    public NativeBlock(nuint bytes, nuint hugeBytes)
    {
        Bytes = bytes;
        IsWholePages = SystemPages.CanMap && bytes >= WholePagesFromBytes;
        if (!IsWholePages)
        {
            _pointer = (byte*)NativeMemory.AlignedAlloc(bytes, CacheLineBytes);
            return;
        }

        var isHuge = hugeBytes >= HugePageBytes;
        Bytes = SystemPages.RoundUp(bytes, (nuint)SystemPages.Bytes);
        _pointer = SystemPages.Take(Bytes, isHuge ? HugePageBytes : (nuint)SystemPages.Bytes);
        if (isHuge)
            SystemPages.PreferHugePages(_pointer, hugeBytes / HugePageBytes * HugePageBytes);
    }

    ~NativeBlock() => Free();

    public nuint Bytes { get; }

    /// <summary>True when nothing else lies on the pages of the block.</summary>
    public bool IsWholePages { get; }

    /// <summary>Start of the block; valid until <see cref="Dispose"/>.</summary>
    public byte* Pointer => _pointer;

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        if (_pointer is null)
            return;

        if (IsWholePages)
            SystemPages.GiveBack(_pointer, Bytes);
        else
            NativeMemory.AlignedFree(_pointer);
        _pointer = null;
    }
}
