namespace Taishang.VectorEngine.Storage;

/// <summary>
/// The form of files whose parts are used where they lie: after the <see cref="FileHeader"/> whatever the writer
/// chooses, at offsets it chooses, then a directory, where the header's length says. The directory ends the file: the
/// length of the writer's own part (4 bytes), that part, a hash for every mebibyte before the directory (of the first
/// without the header, seeded by its number), and the hash of the directory itself.
/// </summary>
internal static class PieceFileFormat
{
    public const int PieceBytes = 1 << 20;
    public const int LengthBytes = sizeof(int);
    public const int HashBytes = sizeof(ulong);

    public static long PieceCount(long directoryOffset) => (directoryOffset + PieceBytes - 1) / PieceBytes;
}
