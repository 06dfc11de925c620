using System.Buffers.Binary;
using System.IO.Hashing;
using System.Security.Cryptography;

namespace Taishang.Ai.Embeddings;

/// <summary>
/// How telling a feature is: ln(documents / documents with the feature), looked up by the feature's hash in a table of
/// buckets instead of by its name, so that the table is small, has no strings, and answers for features never seen
/// (they are rare, hence telling). Made by scripts/make-idf-table; see docs/decisions/0150.
/// </summary>
internal sealed class InverseDocumentFrequencies
{
    /// <summary>A stored value is this many units for each natural-log unit.</summary>
    public const int UnitsPerNat = 16;

    /// <summary>The file's first bytes, "TIDF" in little-endian.</summary>
    public const uint Magic = 0x46444954;

    /// <summary>The only layout that this program reads.</summary>
    public const uint FormatVersion = 1;

    /// <summary>Bytes before the values: magic, format, bucket bits, CRC-32 of the values.</summary>
    public const int HeaderBytes = 16;

    // The bits below choose dimension and sign (HashingEmbedder); those above are free.
    private const int FirstBit = 14;
    private const string ResourceName = "Taishang.Ai.Embeddings.idf.bin";
    private static readonly Lazy<InverseDocumentFrequencies> LazyShipped = new(ReadResource);
    private readonly byte[] _units;
    private readonly int _mask;

    /// <summary>Takes the values by bucket; their number is a power of two.</summary>
    public InverseDocumentFrequencies(byte[] units)
    {
        if (units.Length == 0 || (units.Length & (units.Length - 1)) != 0)
            throw new ArgumentException($"{units.Length} buckets are not a power of two.");
        _units = units;
        _mask = units.Length - 1;
    }

    /// <summary>The table that ships with the program.</summary>
    public static InverseDocumentFrequencies Shipped => LazyShipped.Value;

    /// <summary>"sha256:" and the hex digest of the table's file; empty for a table made in memory.</summary>
    public string Checksum { get; private init; } = "";

    /// <summary>The bucket of a feature's key among <paramref name="buckets"/>, a power of two.</summary>
    public static int BucketOf(ulong key, int buckets) => (int)(key >> FirstBit) & (buckets - 1);

    /// <summary>How telling the feature is, in 1/<see cref="UnitsPerNat"/> nats, 0 to 255.</summary>
    public int UnitsOf(ulong key) => _units[(int)(key >> FirstBit) & _mask];

    /// <summary>Reads a table from the bytes of its file.</summary>
    /// <exception cref="InvalidDataException">The bytes are not such a table, or were changed.</exception>
    public static InverseDocumentFrequencies Read(ReadOnlySpan<byte> file)
    {
        if (file.Length < HeaderBytes || BinaryPrimitives.ReadUInt32LittleEndian(file) != Magic)
            throw new InvalidDataException("The IDF table does not begin with its magic number.");
        uint format = BinaryPrimitives.ReadUInt32LittleEndian(file[4..]);
        uint bits = BinaryPrimitives.ReadUInt32LittleEndian(file[8..]);
        if (format != FormatVersion || bits is < 1 or > 24)
            throw new InvalidDataException($"The IDF table has format {format} with 2^{bits} buckets; not known here.");
        ReadOnlySpan<byte> packed = file[HeaderBytes..];
        if (packed.Length != 1 << (int)bits)
            throw new InvalidDataException($"The IDF table has {packed.Length} buckets instead of 2^{bits}.");
        if (Crc32.HashToUInt32(packed) != BinaryPrimitives.ReadUInt32LittleEndian(file[12..]))
            throw new InvalidDataException("The IDF table does not match its checksum.");
        return new InverseDocumentFrequencies(packed.ToArray())
        {
            Checksum = "sha256:" + Convert.ToHexStringLower(SHA256.HashData(file)),
        };
    }

    private static InverseDocumentFrequencies ReadResource()
    {
        using Stream stream = typeof(InverseDocumentFrequencies).Assembly.GetManifestResourceStream(ResourceName)
            ?? throw new InvalidOperationException($"The program lacks its resource {ResourceName}.");
        byte[] file = new byte[stream.Length];
        stream.ReadExactly(file);
        return Read(file);
    }
}
