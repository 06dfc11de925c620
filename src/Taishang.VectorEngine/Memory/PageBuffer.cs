using System.Collections.Concurrent;

namespace Taishang.VectorEngine.Memory;

/// <summary>
/// Memory that begins at a page, as a disk asks that is written to past the system's cache. Rented, because a process
/// holds many collections and few of them write at one time.
/// </summary>
internal sealed unsafe class PageBuffer : IDisposable
{
    /// <summary>Bytes of every buffer: so much goes to the disk in one call.</summary>
    public const int Length = 4 << 20;

    /// <summary>Buffers kept for the next who asks; more are given back to the system.</summary>
    private const int KeptMax = 4;

    private static readonly ConcurrentBag<NativeBlock> Kept = [];
    private NativeBlock? _block;

    private PageBuffer(NativeBlock block) => _block = block;

    /// <summary>The bytes, their content undefined; valid until <see cref="Dispose"/>.</summary>
    public Span<byte> Bytes =>
        new((_block ?? throw new ObjectDisposedException(nameof(PageBuffer))).Pointer, Length);

    public static PageBuffer Rent() =>
        new(Kept.TryTake(out var block) ? block : new NativeBlock(Length, hugePages: false));

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _block, null) is not { } block)
            return;

        // The count is read and not held: one buffer too many does no harm.
        if (Kept.Count < KeptMax)
            Kept.Add(block);
        else
            block.Dispose();
    }
}
