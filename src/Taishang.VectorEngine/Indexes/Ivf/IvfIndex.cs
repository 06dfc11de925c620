using Taishang.VectorEngine.Distances;
using Taishang.VectorEngine.Indexes.Hnsw;
using Taishang.VectorEngine.Quantization;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes.Ivf;

/// <summary>
/// An inverted file (Sivic, Zisserman 2003; Jégou et al. 2011): rows in lists around middles, of which a search looks
/// through the nearest. The lists are made of all rows when the first are covered; later rows join them, until there
/// are twice as many and a compaction makes new ones.
/// </summary>
/// <param name="kind">IVF_FLAT, IVF_SQ8, or FLAT with codes, which is one list of all rows.</param>
/// <param name="options">How many lists.</param>
/// <param name="codes">What lists hold of a row.</param>
/// <param name="scorer">Of the table.</param>
internal sealed class IvfIndex(IndexKind kind, IvfOptions options, CodeOptions codes, RowScorer scorer) : IRowIndex
{
    /// <summary>Lists for so many rows, times the root of the rows: ranking middles and reading lists then cost about
    /// the same.</summary>
    private const double ListsPerRoot = 4;

    /// <summary>Components of all middles together: training sums them in doubles, 2 GiB at most.</summary>
    private const int SummedFloatsMax = 1 << 28;

    /// <summary>Rows of a list on average, at least.</summary>
    private const int ListRowsMin = 8;

    /// <summary>Lists looked through by default: so many times the root of their number, and never fewer than the
    /// second.</summary>
    private const double ProbesPerRoot = 2;
    private const int ProbesMin = 8;

    /// <summary>Under dot long rows of other lists hide near ones: as in a graph, twice as far by default.</summary>
    private const int DotWidening = 2;

    /// <summary>Matching rows for each one kept up to which floats are scanned at once, though there are codes.
    /// </summary>
    private const int ScannedPerKept = 4;

    /// <summary>Rows that join lists between two looks at the cancellation and the progress.</summary>
    private const int JoinRows = 1_024;

    private readonly HalfRows? _halves = codes.KeepsHalves ? new HalfRows(scorer.Rows) : null;
    private IvfLists? _lists;
    private int _covered;

    public IndexKind Kind => kind;

    public CodeForm? Form => Lists?.Entries.Grid?.Form;

    /// <summary>Lists made of the first rows alone would have to be made again.</summary>
    public bool GrowsByRows => Lists is not null;

    public int Covered => Volatile.Read(ref _covered);

    public int RowsMax => int.MaxValue;

    public IvfLists? Lists => Volatile.Read(ref _lists);

    public IndexBytes Bytes => Lists is { } lists
        ? new IndexBytes(lists.EntryBytes + (_halves?.MemoryBytes ?? 0), lists.OtherBytes)
        : default;

    public bool IsOutgrown(int rows) =>
        kind != IndexKind.Flat && Lists is { } lists
        && rows - lists.TrainedRows >= Math.Max(lists.TrainedRows, Limits.CatchUpRows);

    public async Task CoverAsync(int rows, int threads, Action<int>? progress, CancellationToken cancellation)
    {
        if (Covered >= rows)
            return;

        try
        {
            if (Lists is null)
                await BeginAsync(rows, threads, progress, cancellation);
            else
                await JoinAsync(Lists, rows, threads, progress, cancellation);
        }
        finally
        {
            CoverHalves();
        }
    }

    /// <summary>Nothing to mend: every row is in the list that it was put into.</summary>
    public void Mend(CancellationToken cancellation)
    {
    }

    public void Save(IStorageDevice device, string path, CancellationToken cancellation) =>
        IvfFile.Save(device, path, this, cancellation);

    /// <summary>Takes lists that hold the rows 0 to <paramref name="covered"/> − 1.</summary>
    public void Adopt(IvfLists lists, int covered)
    {
        Volatile.Write(ref _lists, lists);
        Volatile.Write(ref _covered, covered);
        CoverHalves();
    }

    public IndexLayer FirstLayer(in SearchEffort effort)
    {
        var kept = Form is { } form && codes.Rerank != RerankKind.None
            ? Oversampling.Candidates(form, effort.TopK)
            : effort.TopK;
        return new IndexLayer(kind == IndexKind.Flat ? 1 : effort.Probes ?? DefaultProbes(), kept);
    }

    public bool ScanIsCheaper(in IndexSearch search)
    {
        var lists = Lists;
        if (lists is null || search.Layer.Width == int.MaxValue)
            return true;

        // A scan of codes is worth it while it may leave most rows to them.
        if (kind == IndexKind.Flat)
            return search.Matching <= search.Layer.Kept * ScannedPerKept;

        return search.Layer.Width >= lists.Count
            || search.Matching <= Math.Max(search.Layer.Kept, ProbedRows(lists, search.Layer.Width));
    }

    public bool TrySearch<TFilter>(in Query query, in IndexSearch search, TFilter filter, SearchMemory memory)
        where TFilter : struct, IRowFilter
    {
        var lists = Lists!;
        var probe = new IvfProbe(
            search.Layer.Width,
            ProbedRows(lists, search.Layer.Width),
            search.Layer.Kept,
            codes.Rerank == RerankKind.None);
        IvfSearcher.Search(lists, scorer, new FinalOrder(scorer, _halves), query, probe, filter, memory);
        return true;
    }

    public void Dispose()
    {
        Lists?.Dispose();
        _halves?.Dispose();
    }

    /// <summary>Lists without codes hold floats, which need no further order.</summary>
    private void CoverHalves()
    {
        if (Form is not null)
            _halves?.CoverTo(Covered);
    }

    private int DefaultProbes()
    {
        var probes = Math.Max(ProbesMin, (int)(ProbesPerRoot * Math.Sqrt(Lists?.Count ?? 0)));
        return scorer.Rows.Metric == DistanceMetric.Dot ? probes * DotWidening : probes;
    }

    private long ProbedRows(IvfLists lists, int probes) => (long)probes * Covered / lists.Count;

    private int ListCount(int rows)
    {
        if (kind == IndexKind.Flat)
            return 1;

        var wanted = options.Lists > 0 ? options.Lists : (int)(ListsPerRoot * Math.Sqrt(rows));
        var most = Math.Min(rows / ListRowsMin, SummedFloatsMax / scorer.Rows.Dimensions);
        return Math.Clamp(wanted, 1, Math.Max(1, most));
    }

    private async Task BeginAsync(int rows, int threads, Action<int>? progress, CancellationToken cancellation)
    {
        var count = ListCount(rows);
        var all = IvfTrainer.WorkOf(rows, count);
        long done = 0;
        var work = new IvfWork(
            scorer.Rows,
            threads,
            compared => progress?.Invoke((int)Math.Min(rows - 1, rows * Interlocked.Add(ref done, compared) / all)),
            cancellation);
        var grid = codes.Form is { } form ? CodeGridTrainer.Train(scorer.Rows, rows, form) : null;
        var division = await IvfTrainer.TrainAsync(work, rows, count);
        var lists = new IvfLists(division.Centroids, new IvfEntries(scorer.Rows, grid), division.Sizes());
        try
        {
            lists.Fill(division.Lists, cancellation);
        }
        catch
        {
            lists.Dispose();
            throw;
        }

        Adopt(lists, rows);
        progress?.Invoke(rows);
    }

    private async Task JoinAsync(
        IvfLists lists, int rows, int threads, Action<int>? progress, CancellationToken cancellation)
    {
        var work = new IvfWork(scorer.Rows, threads, null, cancellation);
        var assigned = new int[JoinRows];
        while (Covered < rows)
        {
            var start = Covered;
            var end = Math.Min(rows, start + JoinRows);
            await work.AssignAsync(lists.Centroids, RowChoice.Range(start, end), assigned);
            for (var row = start; row < end; row++)
                lists.Tails.Append(assigned[row - start], row);

            Volatile.Write(ref _covered, end);
            progress?.Invoke(end);
        }
    }
}
