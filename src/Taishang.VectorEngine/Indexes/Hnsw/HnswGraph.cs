using System.Runtime.CompilerServices;
using Taishang.VectorEngine.Distances;
using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Quantization;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes.Hnsw;

/// <summary>
/// The links of a hierarchical navigable small world graph (Malkov, Yashunin 2016) over the rows of a table; node
/// numbers are row numbers. Lists are packed (<see cref="LinkPacking"/>). Writers of one list exclude each other by a
/// lock; readers take none: every number in a list is a node at any time, and a list that is rewritten under a reader
/// only shows it a mixture of the old and the new.
/// <para>
/// Rows that are equal bit for bit share one node: the first is linked, the others ("twins") hang on it in a chain.
/// A thousand copies of one vector would otherwise fill each other's lists and cut themselves off from the rest.
/// </para>
/// <para>
/// On the bottom level, where nearly all of a walk's time goes, a node is one block: its code, the term of the code,
/// its links. What a walk reads of a node lies together, and codes are a quarter of the floats. Where codes do not
/// serve (see <see cref="CodeGridTrainer"/>) the block holds links alone.
/// </para>
/// </summary>
internal sealed unsafe class HnswGraph : IDisposable
{
    /// <summary>Places of a bottom list, at least, that only <see cref="HnswRepair"/> fills, to reach what pruning cut
    /// off. One for each node is enough for all; where nodes have more, they are the rest of a word.</summary>
    public const int SpareLinks = 1;

    public const int NoNode = -1;
    public const int LevelMax = 15;

    /// <summary>The level of a row that hangs on another one's node.</summary>
    public const int TwinLevel = -1;

    private const int LockCount = 1 << 14;
    private const int CacheLineBytes = 64;
    private const int HalfLineBytes = CacheLineBytes / 2;

    /// <summary>Blocks are whole cache lines unless that adds more than one part in so many.</summary>
    private const int LineCostMax = 8;

    /// <summary>Lines of a list that are asked for early, at most: some 70 links.</summary>
    private const int LinkLinesMax = 3;

    private readonly ChunkedRows _bottom;
    private readonly ChunkedRows _upper;
    private readonly NodeLevels _levels;
    private readonly TwinChains _twins = new();
    private readonly int[] _locks = new int[LockCount];
    private readonly Lock _entryLock = new();
    private readonly int _pointOffset;
    private readonly int _linksOffset;
    private readonly int _linkLines;
    private long _entry = -1;
    private int _covered;

    /// <param name="options">Shape and search width.</param>
    /// <param name="grid">Gives the nodes their codes; null when walks are to compare floats.</param>
    /// <param name="lift">Under dot gives the nodes their points; null under metrics.</param>
    /// <param name="packing">Of the links: how many nodes there can ever be.</param>
    /// <param name="keepsRemainders">Whether to keep beside the codes what they leave out, where they can tell.</param>
    public HnswGraph(
        HnswOptions options, CodeGrid? grid, ProductLift? lift, LinkPacking packing, bool keepsRemainders = false)
    {
        Options = options;
        Packing = packing;
        Grid = grid;
        Lift = lift;
        BottomLinksMax = options.Connectivity * 2;
        UpperLinksMax = options.Connectivity;
        if (grid is not null)
        {
            TermOffset = RoundUp(grid.CodeBytes, sizeof(int));
            KernelBytes = grid.KernelBytes;
            Scorer = grid.Scorer;
            _pointOffset = TermOffset + sizeof(int);
            if (keepsRemainders && grid is LevelGrid { Form: CodeForm.Seven } levels)
                Remainders = new RemainderPlane(levels);
        }

        _linksOffset = RoundUp(_pointOffset + (lift is null ? 0 : sizeof(LiftedPoint)), sizeof(ulong));
        BottomWords = packing.Words(BottomLinksMax + SpareLinks);
        UpperWords = packing.Words(UpperLinksMax);
        var linkBytes = BottomWords * sizeof(ulong);
        BlockBytes = RoundUpBlock(_linksOffset + linkBytes);
        // A list begins at one place of a line, or at one of two.
        var ahead = BlockBytes % CacheLineBytes == 0
            ? _linksOffset % CacheLineBytes
            : _linksOffset % HalfLineBytes + HalfLineBytes;
        _linkLines = Math.Min(LinkLinesMax, (ahead + linkBytes + CacheLineBytes - 1) / CacheLineBytes);
        _levels = new NodeLevels(UpperLinksMax);
        _bottom = new ChunkedRows(BlockBytes);
        _upper = new ChunkedRows(UpperWords * sizeof(ulong));
    }

    /// <summary>An empty graph whose codes fit the first rows of a table.</summary>
    public static HnswGraph Over(
        RowTable rows,
        int count,
        HnswOptions options,
        CodeForm form = CodeForm.Seven,
        bool keepsRemainders = false)
    {
        var grid = CodeGridTrainer.Train(rows, count, form);
        var lift = rows.Metric == DistanceMetric.Dot ? ProductLift.Over(rows, count, grid) : null;
        return new HnswGraph(options, grid, lift, LinkPacking.For(count), keepsRemainders);
    }

    public HnswOptions Options { get; }

    public CodeGrid? Grid { get; }

    /// <summary>Under dot, what makes points of rows.</summary>
    public ProductLift? Lift { get; }

    /// <summary>What the codes leave out; null where nothing of it is kept.</summary>
    public RemainderPlane? Remainders { get; }

    /// <summary>Compares codes.</summary>
    public CodeScorer Scorer { get; } = CodeScorer.Best;

    /// <summary>How links lie in their words.</summary>
    public LinkPacking Packing { get; }

    /// <summary>Bytes of a node on the bottom level.</summary>
    public int BlockBytes { get; }

    /// <summary>Where in a block the term of the code stands.</summary>
    public int TermOffset { get; }

    /// <summary>Bytes that kernels read of a code.</summary>
    public int KernelBytes { get; }

    public int BottomLinksMax { get; }

    public int UpperLinksMax { get; }

    /// <summary>Words of a list on the bottom.</summary>
    public int BottomWords { get; }

    /// <summary>Words of a list above it.</summary>
    public int UpperWords { get; }

    public long MemoryBytes =>
        _bottom.Bytes + _upper.Bytes + _levels.Bytes + _twins.Bytes + (Remainders?.MemoryBytes ?? 0);

    /// <summary>Rows 0 to this − 1 can be found through the graph.</summary>
    public int Covered
    {
        get => Volatile.Read(ref _covered);
        set => Volatile.Write(ref _covered, value);
    }

    /// <summary>Where walks begin, or <see cref="NoNode"/>, and the level that it stands on.</summary>
    public (int Node, int Level) Entry
    {
        get
        {
            var entry = Volatile.Read(ref _entry);
            return entry < 0 ? (NoNode, 0) : ((int)entry, (int)(entry >> 32));
        }
        set => Volatile.Write(ref _entry, ((long)value.Level << 32) | (uint)value.Node);
    }

    /// <summary>Makes room for the nodes 0 to <paramref name="nodes"/> − 1, no more than the packing allows. One caller
    /// at a time.</summary>
    public void EnsureNodes(int nodes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(nodes, Packing.NodesMax);
        _bottom.EnsureRows(nodes);
        _levels.EnsureNodes(nodes);
        _upper.EnsureRows(_levels.UpperLists);
        Remainders?.EnsureRows(nodes);
    }

    /// <summary>The code of a node, at the beginning of its block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Code(int node) => _bottom.Row(node);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int CodeTerm(int node) => *(int*)(_bottom.Row(node) + TermOffset);

    /// <summary>The point of a node, in a graph that has a <see cref="Lift"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public LiftedPoint* Point(int node) => (LiftedPoint*)(_bottom.Row(node) + _pointOffset);

    /// <summary>Rounds a row to the code of its node, before <see cref="AddNode"/> and before anything leads to it.
    /// </summary>
    public void PutCode(int node, RowTable rows)
    {
        var code = Code(node);
        if (Grid is not null)
            *(int*)(code + TermOffset) = Grid.Encode(rows.Vector(node), rows.Scale(node), code);
        Remainders?.Put(node, rows.Vector(node), rows.Scale(node), code);
        if (Lift is null)
            return;

        var square = Grid?.SquareOf(code, *(int*)(code + TermOffset));
        *Point(node) = Lift.Of(rows.VectorSpan(node), square);
    }

    /// <summary>The whole block of a node, for files.</summary>
    public Span<byte> Block(int node) => new(_bottom.Row(node), BlockBytes);

    /// <summary>Asks for the links of a node that is likely to be expanded next.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void PrefetchLinks(int node) =>
        Distances.DistanceScorer.Prefetch(_bottom.Row(node) + _linksOffset, _linkLines);

    /// <summary>Gives a node of the ensured range its empty lists; nothing leads to it yet.</summary>
    public void AddNode(int node)
    {
        for (var level = LevelOf(node); level >= 0; level--)
            WriteLinks(node, level, default);
    }

    /// <summary>The level of a node of the ensured range, or <see cref="TwinLevel"/>.</summary>
    public int LevelOf(int node) => _levels.LevelOf(node);

    /// <summary>The list of a node on a level that it stands on, in words of which there are
    /// <see cref="WordsOf"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong* Links(int node, int level) => level == 0
        ? (ulong*)(_bottom.Row(node) + _linksOffset)
        : (ulong*)_upper.Row(_levels.FirstUpperList(node) + level - 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int WordsOf(int level) => level == 0 ? BottomWords : UpperWords;

    /// <summary>Links of a list that are chosen; on the bottom there is room for more.</summary>
    public int LinksMax(int level) => level == 0 ? BottomLinksMax : UpperLinksMax;

    /// <summary>Places of a bottom list, spare ones included.</summary>
    public int BottomPlaces => BottomWords * Packing.PlacesOfWord;

    /// <summary>Takes a list out of its words into as many numbers as it has places; returns how many there
    /// are.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int ReadLinks(int node, int level, int* neighbors) =>
        Packing.Read(Links(node, level), WordsOf(level), neighbors);

    /// <summary>Replaces a list; the caller holds the node's lock, or nothing leads to it.</summary>
    public void WriteLinks(int node, int level, ReadOnlySpan<int> neighbors) =>
        Packing.Write(Links(node, level), WordsOf(level), neighbors);

    /// <summary>Adds to a list of so many links, which has room; the caller holds the node's lock.</summary>
    public void Append(int node, int level, int count, int neighbor) =>
        Packing.Append(Links(node, level), count, neighbor);

    /// <summary>The next row equal to this one, or <see cref="NoNode"/>.</summary>
    public int NextTwin(int row) => _twins.Next(row);

    /// <summary>False spares walks that ask about every node the look at its chain.</summary>
    public bool HasTwins => _twins.Any;

    /// <summary>Restores a chain from a file.</summary>
    public void SetNextTwin(int row, int twin) => _twins.Set(row, twin);

    /// <summary>Notes that a row of the ensured range is no node but hangs on one.</summary>
    public void MarkTwin(int row)
    {
        _levels.MarkTwin(row);
        WriteLinks(row, 0, default);
    }

    /// <summary>Hangs a row on the node of its equal.</summary>
    public void AddTwin(int node, int twin)
    {
        MarkTwin(twin);
        _twins.Insert(twin, node);
    }

    public void Lock(int node)
    {
        ref var taken = ref _locks[node & (LockCount - 1)];
        var spin = default(SpinWait);
        while (Interlocked.CompareExchange(ref taken, 1, 0) != 0)
            spin.SpinOnce(sleep1Threshold: -1);
    }

    public void Unlock(int node) => Volatile.Write(ref _locks[node & (LockCount - 1)], 0);

    /// <summary>Makes the node the entry if it stands higher than the present one.</summary>
    public void OfferEntry(int node, int level)
    {
        lock (_entryLock)
        {
            if (Entry.Node == NoNode || level > Entry.Level)
                Entry = (node, level);
        }
    }

    /// <summary>
    /// Bytes from one block to the next. Whole cache lines where they cost little: a code then lies in as few of them
    /// as it can. Kernels read past the code, to a whole step at most, and half a line is one: they stay in the block.
    /// </summary>
    public static int RoundUpBlock(int bytes)
    {
        var lines = RoundUp(bytes, CacheLineBytes);
        return lines - bytes <= bytes / LineCostMax ? lines : RoundUp(bytes, HalfLineBytes);
    }

    private static int RoundUp(int bytes, int unit) => (bytes + unit - 1) / unit * unit;

    public void Dispose()
    {
        _bottom.Dispose();
        _upper.Dispose();
        _levels.Dispose();
        Remainders?.Dispose();
    }
}
