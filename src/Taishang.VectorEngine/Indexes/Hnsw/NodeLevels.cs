using System.Numerics;
using System.Runtime.InteropServices;
using Taishang.VectorEngine.Memory;

namespace Taishang.VectorEngine.Indexes.Hnsw;

/// <summary>
/// On which levels nodes stand, and where their upper lists are. Levels follow from the nodes' numbers
/// (<see cref="HnswLevels"/>), and one node in M stands above the bottom: so nodes have a bit each that says whether
/// they do, and those that do are counted, 64 nodes at a time. That is half a byte a node.
/// </summary>
internal sealed unsafe class NodeLevels(int connectivity) : IDisposable
{
    private const int BlockShift = 6;
    private const int BlockMask = (1 << BlockShift) - 1;
    private const int LevelBits = 4;
    private const uint LevelMask = (1 << LevelBits) - 1;

    private readonly ChunkedRows _blocks = new(sizeof(NodeBlock));

    /// <summary>Of each node above the bottom its first list and its level.</summary>
    private readonly ChunkedRows _uppers = new(sizeof(uint));

    private int _nodes;
    private int _upperNodes;

    /// <summary>Lists above the bottom that the nodes have together.</summary>
    public int UpperLists { get; private set; }

    public long Bytes => _blocks.Bytes + _uppers.Bytes;

    /// <summary>Gives the nodes below a count their levels. One caller at a time.</summary>
    public void EnsureNodes(int nodes)
    {
        _blocks.EnsureRows((int)(((long)nodes + BlockMask) >> BlockShift));
        for (; _nodes < nodes; _nodes++)
        {
            var block = Block(_nodes);
            if ((_nodes & BlockMask) == 0)
                *block = new NodeBlock { FirstUpper = _upperNodes };

            var level = HnswLevels.Of(_nodes, connectivity);
            if (level == 0)
                continue;

            _uppers.EnsureRows(_upperNodes + 1);
            *(uint*)_uppers.Row(_upperNodes) = checked((uint)UpperLists * (LevelMask + 1)) | (uint)level;
            _upperNodes++;
            UpperLists += level;
            block->Upper |= Bit(_nodes);
        }
    }

    /// <summary>The highest level of a node, or <see cref="HnswGraph.TwinLevel"/>.</summary>
    public int LevelOf(int node)
    {
        var block = Block(node);
        if ((Volatile.Read(ref block->Twins) & Bit(node)) != 0)
            return HnswGraph.TwinLevel;

        return (block->Upper & Bit(node)) == 0 ? 0 : (int)(Upper(block, node) & LevelMask);
    }

    /// <summary>The list of a node on its first level above the bottom; those of the next ones follow.</summary>
    public int FirstUpperList(int node) => (int)(Upper(Block(node), node) >> LevelBits);

    /// <summary>Notes that a row has no level because it hangs on another one's node.</summary>
    public void MarkTwin(int row) => Interlocked.Or(ref Block(row)->Twins, Bit(row));

    public void Dispose()
    {
        _blocks.Dispose();
        _uppers.Dispose();
    }

    private NodeBlock* Block(int node) => (NodeBlock*)_blocks.Row(node >> BlockShift);

    private uint Upper(NodeBlock* block, int node) => *(uint*)_uppers.Row(
        block->FirstUpper + BitOperations.PopCount(block->Upper & (Bit(node) - 1)));

    private static ulong Bit(int node) => 1UL << (node & BlockMask);

    [StructLayout(LayoutKind.Sequential)]
    private struct NodeBlock
    {
        public ulong Upper;
        public ulong Twins;

        /// <summary>Nodes above the bottom before this block.</summary>
        public int FirstUpper;
    }
}
