using Taishang.VectorEngine.Memory;

namespace Taishang.VectorEngine.Storage;

/// <summary>
/// Brings bytes of a file into memory without copying them where it can: whole pages are mapped in place, what shares a
/// page with something else is read. Each use stays inside memory that the caller owns and the file's checked length.
/// </summary>
internal static unsafe class FilePages
{
    /// <summary>Less is read: a map costs the system a record, of which a process may have 65,530 by default.</summary>
    public const long MappedBytesMin = 256 << 10;

    /// <summary>The same for what is small for its rows, a few of which would otherwise not be mapped at all.</summary>
    public const long SmallMappedBytesMin = 64 << 10;

    private const int ReadBytesMax = 64 << 20;

    /// <summary>Fills memory that nobody reads yet; returns the bytes that were mapped.</summary>
    public static long Load(
        PieceFile file, byte* address, long offset, long bytes, long mappedMin = MappedBytesMin)
    {
        var (start, mapped) = Map(file, address, offset, bytes, mappedMin);
        Read(file, address, offset, start);
        Read(file, address + start + mapped, offset + start + mapped, bytes - start - mapped);
        return mapped;
    }

    /// <summary>Gives up memory that holds the same bytes as the file, under its readers; returns the bytes mapped.
    /// </summary>
    public static long Replace(
        PieceFile file, byte* address, long offset, long bytes, long mappedMin = MappedBytesMin) =>
        Map(file, address, offset, bytes, mappedMin).Bytes;

    private static (long Start, long Bytes) Map(
        PieceFile file, byte* address, long offset, long bytes, long mappedMin)
    {
        var page = SystemPages.Bytes;
        if (((nint)address - offset) % page != 0)
            return default;

        var start = (long)SystemPages.RoundUp((nuint)address, (nuint)page) - (nint)address;
        var whole = (bytes - start) / page * page;
        return whole >= mappedMin && file.File.TryMapOver((nint)(address + start), offset + start, whole)
            ? (start, whole)
            : default;
    }

    private static void Read(PieceFile file, byte* address, long offset, long bytes)
    {
        while (bytes > 0)
        {
            var take = (int)Math.Min(bytes, ReadBytesMax);
            file.Read(offset, new Span<byte>(address, take));
            address += take;
            offset += take;
            bytes -= take;
        }
    }
}
