namespace Taishang.VectorEngine.Storage;

/// <summary>
/// The form of files that are read from their start to their end: after the <see cref="FileHeader"/>, whose length is
/// that of the payload, the payload in blocks, each with its length and a hash seeded by its number, so that a damaged
/// or misplaced block is found and named by its offset.
/// </summary>
internal static class BlockFileFormat
{
    public const int BlockHeaderBytes = 16;
    public const int BlockBytes = 1 << 20;
}
