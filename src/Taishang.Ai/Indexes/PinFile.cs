using System.Buffers.Binary;
using System.IO.Hashing;

namespace Taishang.Ai.Indexes;

/// <summary>
/// Whether a collection is pinned, as it was last said, in a file beside its rows: so a worker knows it before core
/// speaks, and it goes when the collection goes. Little-endian: magic, version, length of what follows, CRC-32 of
/// everything else, then one byte.
/// </summary>
internal static class PinFile
{
    public const string Name = "pin";

    private const uint Magic = 0x4E_49_50_54; // TPIN
    private const uint Version = 1;
    private const int HeaderBytes = 16;
    private const int WholeBytes = HeaderBytes + 1;

    /// <summary>Durable when it returns; a crash leaves what was or what is now.</summary>
    public static void Write(string folder, bool isPinned)
    {
        Span<byte> file = stackalloc byte[WholeBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(file, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(file[4..], Version);
        BinaryPrimitives.WriteUInt32LittleEndian(file[8..], WholeBytes - HeaderBytes);
        file[HeaderBytes] = isPinned ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteUInt32LittleEndian(file[12..], ChecksumOf(file));
        DurableFolder.WriteFile(Path.Combine(folder, Name), file);
    }

    /// <summary>Null where nothing was said yet.</summary>
    /// <exception cref="InvalidDataException">The file is damaged, or of a version that is not known here.</exception>
    public static bool? Read(string folder)
    {
        var path = Path.Combine(folder, Name);
        if (!File.Exists(path)) return null;
        using var stream = File.OpenRead(path);
        // One byte more tells a file that is too long.
        Span<byte> room = stackalloc byte[WholeBytes + 1];
        ReadOnlySpan<byte> file = room[..stream.ReadAtLeast(room, room.Length, throwOnEndOfStream: false)];
        if (file.Length < HeaderBytes || BinaryPrimitives.ReadUInt32LittleEndian(file) != Magic)
            throw new InvalidDataException($"{path} does not begin as a pin does");
        var version = BinaryPrimitives.ReadUInt32LittleEndian(file[4..]);
        if (version != Version) throw new InvalidDataException($"{path} has version {version}, known is {Version}");
        if (file.Length != WholeBytes || ChecksumOf(file) != BinaryPrimitives.ReadUInt32LittleEndian(file[12..]))
            throw new InvalidDataException($"{path} does not match its length and checksum");
        return file[HeaderBytes] != 0;
    }

    private static uint ChecksumOf(ReadOnlySpan<byte> file)
    {
        var sum = new Crc32();
        sum.Append(file[..12]);
        sum.Append(file[HeaderBytes..]);
        return sum.GetCurrentHashAsUInt32();
    }
}
