using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Taishang.VectorEngine.Distances;
using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Quantization;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes.Hnsw;

/// <summary>
/// The links of a hierarchical navigable small world graph (Malkov, Yashunin 2016) over the rows of a table; node
/// numbers are row numbers. A list is a count followed by neighbours. Writers of one list exclude each other by a lock;
/// readers take none: they read the count first, every number at or below it is a node at any time, and a list that is
/// rewritten under a reader only shows it a mixture of the old and the new.
/// <para>
/// Rows that are equal bit for bit share one node: the first is linked, the others ("twins") hang on it in a chain.
/// A thousand copies of one vector would otherwise fill each other's lists and cut themselves off from the rest.
/// </para>
/// <para>
/// On the bottom level, where nearly all of a walk's time goes, a node is one block of whole cache lines: its code, the
/// term of the code, its links. What a walk reads of a node lies together, and codes are a quarter of the
/// floats. Where codes do not serve (see <see cref="CodeGridTrainer"/>) the block holds links alone.
/// </para>
/// </summary>
internal sealed unsafe class HnswGraph : IDisposable
{
    /// <summary>Places of a bottom list that only <see cref="HnswRepair"/> fills, to reach what pruning cut
    /// off.</summary>
    public const int SpareLinks = 3;

    public const int NoNode = -1;
    public const int LevelMax = 15;

    /// <summary>The level of a row that hangs on another one's node.</summary>
    public const int TwinLevel = -1;

    private const int LockCount = 1 << 14;
    private const int CacheLineBytes = 64;

    /// <summary>Lines of a list that are asked for early: 48 links.</summary>
    private const int LinkLines = 3;

    private readonly ChunkedRows _bottom;
    private readonly ChunkedRows _upper;
    private readonly ChunkedRows _nodes = new(sizeof(NodeInfo));
    private readonly int[] _locks = new int[LockCount];
    private readonly Lock _growth = new();
    private readonly int _pointOffset;
    private readonly int _linksOffset;
    private int _upperLists;
    private long _entry = -1;
    private volatile bool _hasTwins;
    private int _covered;

    /// <param name="options">Shape and search width.</param>
    /// <param name="grid">Gives the nodes their codes; null when walks are to compare floats.</param>
    /// <param name="lift">Under dot gives the nodes their points; null under metrics.</param>
    /// <param name="keepsRemainders">Whether to keep beside the codes what they leave out, where they can tell.</param>
    public HnswGraph(HnswOptions options, CodeGrid? grid, ProductLift? lift, bool keepsRemainders = false)
    {
        Options = options;
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

        _linksOffset = _pointOffset + (lift is null ? 0 : sizeof(LiftedPoint));

        // Kernels read past the code into the links, never past the block: the links are longer than one step.
        var bytes = _linksOffset + (1 + BottomLinksMax + SpareLinks) * sizeof(int);
        BlockBytes = RoundUp(bytes, CacheLineBytes);
        _bottom = new ChunkedRows(BlockBytes);
        _upper = new ChunkedRows((1 + UpperLinksMax) * sizeof(int));
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
        return new HnswGraph(options, grid, lift, keepsRemainders);
    }

    public HnswOptions Options { get; }

    public CodeGrid? Grid { get; }

    /// <summary>Under dot, what makes points of rows.</summary>
    public ProductLift? Lift { get; }

    /// <summary>What the codes leave out; null where nothing of it is kept.</summary>
    public RemainderPlane? Remainders { get; }

    /// <summary>Compares codes.</summary>
    public CodeScorer Scorer { get; } = CodeScorer.Best;

    /// <summary>Bytes of a node on the bottom level.</summary>
    public int BlockBytes { get; }

    /// <summary>Where in a block the term of the code stands.</summary>
    public int TermOffset { get; }

    /// <summary>Bytes that kernels read of a code.</summary>
    public int KernelBytes { get; }

    public int BottomLinksMax { get; }

    public int UpperLinksMax { get; }

    public long MemoryBytes =>
        _bottom.Bytes + _upper.Bytes + _nodes.Bytes + (Remainders?.MemoryBytes ?? 0);

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

    /// <summary>Makes room for the nodes 0 to <paramref name="nodes"/> − 1. One caller at a time.</summary>
    public void EnsureNodes(int nodes)
    {
        _bottom.EnsureRows(nodes);
        _nodes.EnsureRows(nodes);
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
        Distances.DistanceScorer.Prefetch(_bottom.Row(node) + _linksOffset, LinkLines);

    /// <summary>Gives a node of the ensured range its empty lists; nothing leads to it yet.</summary>
    public void AddNode(int node, int level)
    {
        var upperList = 0;
        if (level > 0)
        {
            lock (_growth)
            {
                upperList = _upperLists;
                _upperLists += level;
                _upper.EnsureRows(_upperLists);
            }
        }

        *(NodeInfo*)_nodes.Row(node) = new NodeInfo { Level = level, UpperList = upperList, NextTwin = NoNode };
        *Links(node, 0) = 0;
        for (var i = 0; i < level; i++)
            *(int*)_upper.Row(upperList + i) = 0;
    }

    public int LevelOf(int node) => ((NodeInfo*)_nodes.Row(node))->Level;

    /// <summary>The list of a node on a level that it stands on: a count, then neighbours.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int* Links(int node, int level) => level == 0
        ? (int*)(_bottom.Row(node) + _linksOffset)
        : (int*)_upper.Row(((NodeInfo*)_nodes.Row(node))->UpperList + level - 1);

    public int LinksMax(int level) => level == 0 ? BottomLinksMax : UpperLinksMax;

    /// <summary>The next row equal to this one, or <see cref="NoNode"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int NextTwin(int row) => Volatile.Read(ref ((NodeInfo*)_nodes.Row(row))->NextTwin);

    /// <summary>False spares walks that ask about every node the look at its chain.</summary>
    public bool HasTwins => _hasTwins;

    /// <summary>Restores a chain from a file.</summary>
    public void SetNextTwin(int row, int twin)
    {
        ((NodeInfo*)_nodes.Row(row))->NextTwin = twin;
        _hasTwins |= twin != NoNode;
    }

    /// <summary>Hangs a row on the node of its equal.</summary>
    public void AddTwin(int node, int twin)
    {
        Lock(node);
        var info = (NodeInfo*)_nodes.Row(node);
        *(NodeInfo*)_nodes.Row(twin) = new NodeInfo { Level = TwinLevel, NextTwin = info->NextTwin };
        *Links(twin, 0) = 0;
        _hasTwins = true;
        Volatile.Write(ref info->NextTwin, twin);
        Unlock(node);
    }

    /// <summary>Appends to a list that has room; the caller holds the node's lock.</summary>
    public static void Append(int* links, int neighbor)
    {
        links[links[0] + 1] = neighbor;
        Volatile.Write(ref *links, links[0] + 1);
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
        lock (_growth)
        {
            if (Entry.Node == NoNode || level > Entry.Level)
                Entry = (node, level);
        }
    }

    private static int RoundUp(int bytes, int unit) => (bytes + unit - 1) / unit * unit;

    public void Dispose()
    {
        _bottom.Dispose();
        _upper.Dispose();
        _nodes.Dispose();
        Remainders?.Dispose();
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct NodeInfo
    {
        public int Level;
        public int UpperList;
        public int NextTwin;
    }
}
