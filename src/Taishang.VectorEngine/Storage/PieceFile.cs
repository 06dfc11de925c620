using System.Buffers;
using System.Buffers.Binary;
using System.IO.Hashing;
using System.Runtime.ExceptionServices;

namespace Taishang.VectorEngine.Storage;

/// <summary>An open piece file. Header, directory and length are checked when it is opened, the pieces when
/// <see cref="Verify"/> is called.</summary>
internal sealed class PieceFile : IDisposable
{
    private readonly string _path;
    private readonly long _directoryOffset;
    private readonly byte[] _directory;
    private readonly int _ownBytes;

    public PieceFile(IStorageDevice device, string path, uint kind)
    {
        _path = path;
        File = device.Open(path, writable: false);
        try
        {
            Span<byte> header = stackalloc byte[FileHeader.Bytes];
            var read = File.Read(0, header);
            _directoryOffset = FileHeader.Read(header[..read], kind, path);
            _directory = ReadDirectory();
            _ownBytes = BinaryPrimitives.ReadInt32LittleEndian(_directory);
            if (_ownBytes != _directory.Length - FixedBytes(_directoryOffset))
                throw Corrupt(_directoryOffset, $"the directory says that its own part is {_ownBytes} bytes long");
        }
        catch
        {
            File.Dispose();
            throw;
        }
    }

    public IStorageFile File { get; }

    /// <summary>What the writer put into the directory.</summary>
    public ReadOnlySpan<byte> Directory => _directory.AsSpan(PieceFileFormat.LengthBytes, _ownBytes);

    /// <summary>Where the pieces end.</summary>
    public long End => _directoryOffset;

    /// <summary>Reads every piece, several at once, and compares it with its hash.</summary>
    /// <exception cref="CorruptDataException">Names the first piece that does not match.</exception>
    public void Verify(CancellationToken cancellation)
    {
        var pieces = (int)PieceFileFormat.PieceCount(_directoryOffset);
        var firstBad = (long)pieces;
        var parallel = new ParallelOptions
        {
            CancellationToken = cancellation,
            MaxDegreeOfParallelism = Environment.ProcessorCount,
        };
        try
        {
            Parallel.For(0, pieces, parallel, number =>
            {
                if (!Matches(number))
                    LowerTo(ref firstBad, number);
            });
        }
        catch (AggregateException exception)
        {
            ExceptionDispatchInfo.Throw(exception.InnerExceptions[0]);
        }

        if (firstBad < pieces)
        {
            var offset = Math.Max(firstBad * PieceFileFormat.PieceBytes, FileHeader.Bytes);
            throw Corrupt(offset, $"piece {firstBad} does not match its checksum");
        }
    }

    /// <summary>Fills the span from an offset.</summary>
    public void Read(long offset, Span<byte> target)
    {
        if (File.Read(offset, target) != target.Length)
            throw Corrupt(offset, $"the file ends before {target.Length} bytes that should be here");
    }

    public CorruptDataException Corrupt(long offset, string reason) => new(_path, offset, reason);

    public void Dispose() => File.Dispose();

    private static long FixedBytes(long directoryOffset) =>
        PieceFileFormat.LengthBytes
        + (PieceFileFormat.PieceCount(directoryOffset) + 1) * PieceFileFormat.HashBytes;

    private static void LowerTo(ref long place, long value)
    {
        var seen = Interlocked.Read(ref place);
        while (value < seen)
        {
            var before = Interlocked.CompareExchange(ref place, value, seen);
            if (before == seen)
                return;

            seen = before;
        }
    }

    private byte[] ReadDirectory()
    {
        var bytes = File.Length - _directoryOffset;
        if (_directoryOffset < FileHeader.Bytes || bytes < FixedBytes(_directoryOffset) || bytes > Array.MaxLength)
            throw Corrupt(0, $"a file of {File.Length} bytes has no directory at byte {_directoryOffset}");

        var directory = new byte[bytes];
        Read(_directoryOffset, directory);
        var hashed = directory.AsSpan(0, directory.Length - PieceFileFormat.HashBytes);
        var expected = BinaryPrimitives.ReadUInt64LittleEndian(directory.AsSpan(hashed.Length));
        if (XxHash3.HashToUInt64(hashed) != expected)
            throw Corrupt(_directoryOffset, "the directory does not match its checksum");

        return directory;
    }

    private bool Matches(int number)
    {
        var start = number == 0 ? FileHeader.Bytes : 0;
        var offset = (long)number * PieceFileFormat.PieceBytes + start;
        var length = (int)Math.Min(PieceFileFormat.PieceBytes - start, _directoryOffset - offset);
        var buffer = ArrayPool<byte>.Shared.Rent(PieceFileFormat.PieceBytes);
        try
        {
            var content = buffer.AsSpan(0, length);
            Read(offset, content);
            var hash = PieceFileFormat.LengthBytes + _ownBytes + number * PieceFileFormat.HashBytes;
            return XxHash3.HashToUInt64(content, number)
                == BinaryPrimitives.ReadUInt64LittleEndian(_directory.AsSpan(hash));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
