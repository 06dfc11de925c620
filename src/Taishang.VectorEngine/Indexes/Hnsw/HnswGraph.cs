using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Taishang.VectorEngine.Memory;

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

    private readonly ChunkedRows _bottom;
    private readonly ChunkedRows _upper;
    private readonly ChunkedRows _nodes = new(sizeof(NodeInfo));
    private readonly int[] _locks = new int[LockCount];
    private readonly Lock _growth = new();
    private int _upperLists;
    private long _entry = -1;
    private int _covered;

    public HnswGraph(HnswOptions options)
    {
        Options = options;
        BottomLinksMax = options.Connectivity * 2;
        UpperLinksMax = options.Connectivity;
        _bottom = new ChunkedRows((1 + BottomLinksMax + SpareLinks) * sizeof(int));
        _upper = new ChunkedRows((1 + UpperLinksMax) * sizeof(int));
    }

    public HnswOptions Options { get; }

    public int BottomLinksMax { get; }

    public int UpperLinksMax { get; }

    public long MemoryBytes => _bottom.Bytes + _upper.Bytes + _nodes.Bytes;

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
    }

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
        *(int*)_bottom.Row(node) = 0;
        for (var i = 0; i < level; i++)
            *(int*)_upper.Row(upperList + i) = 0;
    }

    public int LevelOf(int node) => ((NodeInfo*)_nodes.Row(node))->Level;

    /// <summary>The list of a node on a level that it stands on: a count, then neighbours.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int* Links(int node, int level) => level == 0
        ? (int*)_bottom.Row(node)
        : (int*)_upper.Row(((NodeInfo*)_nodes.Row(node))->UpperList + level - 1);

    public int LinksMax(int level) => level == 0 ? BottomLinksMax : UpperLinksMax;

    /// <summary>The next row equal to this one, or <see cref="NoNode"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int NextTwin(int row) => Volatile.Read(ref ((NodeInfo*)_nodes.Row(row))->NextTwin);

    /// <summary>Restores a chain from a file.</summary>
    public void SetNextTwin(int row, int twin) => ((NodeInfo*)_nodes.Row(row))->NextTwin = twin;

    /// <summary>Hangs a row on the node of its equal.</summary>
    public void AddTwin(int node, int twin)
    {
        Lock(node);
        var info = (NodeInfo*)_nodes.Row(node);
        *(NodeInfo*)_nodes.Row(twin) = new NodeInfo { Level = TwinLevel, NextTwin = info->NextTwin };
        *(int*)_bottom.Row(twin) = 0;
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

    public void Dispose()
    {
        _bottom.Dispose();
        _upper.Dispose();
        _nodes.Dispose();
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct NodeInfo
    {
        public int Level;
        public int UpperList;
        public int NextTwin;
    }
}
