using Taishang.VectorEngine.Filtering;
using Taishang.VectorEngine.Indexes;
using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Segments;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine;

/// <summary>One grouped search in one shard.</summary>
internal sealed class ShardGroups : IDisposable
{
    private readonly VectorCollection _shard;
    private readonly SearchBuffers _buffers;
    private readonly GroupExecutor _executor;
    private readonly GroupColumn _column;
    private readonly RowTable _rows;
    private readonly Dictionary<GroupValue, FoundGroup> _groups = [];

    public ShardGroups(
        VectorCollection shard, Snapshot snapshot, SearchRequest request, GroupBy by, CancellationToken cancellation)
    {
        _shard = shard;
        _rows = snapshot.Generation.Rows;
        _column = GroupColumn.Of(snapshot.Generation.Columns, by.Field, snapshot.Rows);
        var matching = MatchingRows.Of(snapshot, request.Filter);
        _buffers = shard.Buffers.Rent(_rows.PaddedDimensions);
        _executor = new GroupExecutor(snapshot, matching, _column, _buffers, cancellation);
    }

    /// <summary>The nearest groups of this shard with their nearest rows.</summary>
    public void Choose(SearchRequest request, SearchEffort effort, int size)
    {
        foreach (var group in _executor.Choose(request, effort, size))
            _groups.Add(_column.ValueOf(group.Key), group);
    }

    public IEnumerable<(GroupValue Value, ShardNeighbor Nearest)> Chosen() =>
        _groups.Select(group => (group.Key, new ShardNeighbor(_rows, group.Value.Hits[0])));

    /// <summary>Finds the rows of groups that all shards together chose; this one may not have met them yet.</summary>
    public void Fill(IReadOnlyList<GroupValue> values, int size)
    {
        foreach (var value in values)
            _groups.TryAdd(value, new FoundGroup(_column.GroupOf(value)));
        _executor.Fill([.. values.Select(value => _groups[value])], size);
    }

    public IEnumerable<ShardNeighbor> Hits(GroupValue value) =>
        _groups[value].Hits.Select(neighbor => new ShardNeighbor(_rows, neighbor));

    public void Dispose() => _shard.Buffers.Return(_buffers);
}
