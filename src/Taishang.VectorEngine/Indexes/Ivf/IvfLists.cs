using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes.Ivf;

/// <summary>
/// Rows in lists, those of a list behind each other: what a search reads of a list it reads in order. The rows that the
/// lists were made of lie in one block; later ones in <see cref="IvfTails"/>.
/// </summary>
internal sealed unsafe class IvfLists : IDisposable
{
    private readonly NativeBlock _rows;
    private readonly NativeBlock _entries;
    private readonly long[] _starts;
    private readonly IvfTails _tails;

    /// <summary>Lists of so many rows each, still without rows.</summary>
    public IvfLists(IvfCentroids centroids, IvfEntries entries, int[] sizes)
    {
        Centroids = centroids;
        Entries = entries;
        _starts = new long[sizes.Length + 1];
        for (var list = 0; list < sizes.Length; list++)
            _starts[list + 1] = _starts[list] + sizes[list];

        // One entry at least: a block of nothing has no address.
        var count = (nuint)Math.Max(1, _starts[^1]);
        _rows = new NativeBlock(count * sizeof(int), hugePages: true);
        _entries = new NativeBlock(count * (nuint)entries.Bytes + IvfEntries.SlackBytes, hugePages: true);
        _tails = new IvfTails(entries, sizes.Length);
    }

    public IvfCentroids Centroids { get; }

    public IvfEntries Entries { get; }

    public int Count => Centroids.Count;

    /// <summary>Rows that the lists were made of.</summary>
    public int TrainedRows => (int)_starts[^1];

    public long EntryBytes => (long)TrainedRows * Entries.Bytes + _tails.Bytes;

    public long OtherBytes =>
        Centroids.Bytes + (long)_rows.Bytes + _starts.Length * (long)sizeof(long) + _tails.TableBytes;

    /// <summary>The rows that a list was made of; with the entries of <see cref="Base"/> to be filled at first.
    /// </summary>
    public Span<int> BaseRows(int list) =>
        new((int*)_rows.Pointer + _starts[list], (int)(_starts[list + 1] - _starts[list]));

    public IvfRun Base(int list) => new(
        (int*)_rows.Pointer + _starts[list],
        _entries.Pointer + (nint)_starts[list] * Entries.Bytes,
        (int)(_starts[list + 1] - _starts[list]));

    public IvfTails Tails => _tails;

    /// <summary>Fills the lists with the rows that a division gave them, in the order of rows.</summary>
    public void Fill(int[] lists, CancellationToken cancellation)
    {
        var filled = new int[Count];
        for (var row = 0; row < lists.Length; row++)
        {
            if (row % 4096 == 0)
                cancellation.ThrowIfCancellationRequested();

            var run = Base(lists[row]);
            var at = filled[lists[row]]++;
            run.Rows[at] = row;
            Entries.Put(row, run.Entries + (nint)at * Entries.Bytes);
        }
    }

    public void Dispose()
    {
        Centroids.Dispose();
        _rows.Dispose();
        _entries.Dispose();
        _tails.Dispose();
    }
}
