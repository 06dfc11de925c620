using Taishang.VectorEngine.Filtering;
using Taishang.VectorEngine.Indexes;
using Taishang.VectorEngine.Log;
using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Segments;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine;

/// <summary>What the collection above it uses of a shard.</summary>
public sealed partial class VectorCollection
{
    internal SearchMemoryPool Buffers => _memory;

    internal static Task<VectorCollection> OpenShardAsync(
        string folder, VectorEngineOptions engine, IStorageDevice device, ShardParts parts,
        CancellationToken cancellation) =>
        OpenAsync(folder, engine, device, parts, cancellation);

    internal Snapshot Acquire() => _state.Acquire();

    internal Task<QueueHold> HoldAsync() => _queue.HoldAsync(CancellationToken.None);

    internal Task<int> UpsertAsync(LogBuffer buffer, CancellationToken cancellation) =>
        _queue.UpsertAsync(buffer, cancellation);

    internal Task<int> DeleteAsync(LogBuffer buffer, CancellationToken cancellation) =>
        _queue.DeleteAsync(buffer, cancellation);

    /// <summary>A delete of what matches now, or null when nothing does. By who holds the queue.</summary>
    internal LogBuffer? Resolve(MetadataFilter filter) => _queue.Resolve(filter);

    /// <summary>Writes a part of a call, durably but without effect. By who holds the queue.</summary>
    internal void Prepare(long number, IReadOnlyList<LogBuffer> records, bool isDelete)
    {
        if (!isDelete)
            _spare.Require();
        try
        {
            Write(number, records);
        }
        catch (IOException) when (isDelete && _spare.TryGiveUp())
        {
            Write(number, records);
        }
    }

    /// <summary>Lets a prepared record take effect; returns the rows that it wrote, or deleted. By who holds the queue.
    /// </summary>
    internal int Apply(LogBuffer record) => _state.Apply(record.PayloadMemory, sweep: true);

    /// <summary>Takes no more writes until it is opened anew.</summary>
    internal void Break(Exception fault) => _queue.Break(fault);

    private void Write(long number, IReadOnlyList<LogBuffer> records)
    {
        var log = _queue.Log;
        try
        {
            using var mark = LogRecord.Part(number, records.Count);
            log.Append(mark);
            foreach (var record in records)
                log.Append(record);
            log.Sync();
        }
        catch
        {
            log.Abandon();
            throw;
        }
    }
}
