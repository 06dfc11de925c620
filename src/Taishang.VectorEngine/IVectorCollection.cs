using Taishang.VectorEngine.Filtering;

namespace Taishang.VectorEngine;

/// <summary>
/// A durable collection of vectors, whether it is one (<see cref="VectorCollection"/>, where each member is explained)
/// or split into shards (<see cref="ShardedCollection"/>). All members may be called from any thread.
/// </summary>
public interface IVectorCollection : IAsyncDisposable
{
    /// <summary>Bytes that only memory holds, estimated.</summary>
    long MemoryBytes { get; }

    /// <summary>Whether a scroll waits for its next page; it ends when the collection is closed.</summary>
    bool IsBeingScrolled { get; }

    /// <summary>Writes all rows or none.</summary>
    Task<int> UpsertAsync(IReadOnlyList<VectorRow> rows, CancellationToken cancellation);

    /// <summary>Deletes by id.</summary>
    Task<int> DeleteAsync(IReadOnlyList<VectorId> ids, CancellationToken cancellation);

    /// <summary>Deletes by filter.</summary>
    Task<int> DeleteAsync(MetadataFilter filter, CancellationToken cancellation);

    /// <summary>The nearest rows, into an answer that is used again.</summary>
    void Search(
        ReadOnlySpan<float> vector, SearchRequest request, SearchMatches matches, CancellationToken cancellation);

    /// <summary>Many queries over one snapshot.</summary>
    void SearchAll(
        IReadOnlyList<ReadOnlyMemory<float>> vectors, SearchRequest request, int threads,
        Action<int, SearchMatches> answered, CancellationToken cancellation);

    /// <summary>The nearest groups.</summary>
    GroupedAnswer SearchGroups(SearchRequest request, GroupBy by, CancellationToken cancellation = default);

    /// <summary>All rows, page by page.</summary>
    ScrollPage Scroll(ScrollRequest request);

    /// <summary>The live rows among the ids.</summary>
    IReadOnlyList<VectorRow> Get(IReadOnlyList<VectorId> ids);

    /// <summary>Live rows, all or those that match.</summary>
    long Count(MetadataFilter? filter = null);

    /// <summary>Brings every row under the index.</summary>
    Task BuildIndexAsync(IProgress<double>? progress, CancellationToken cancellation);

    /// <summary>Writes the rows anew without the dead.</summary>
    Task CompactAsync(IProgress<double>? progress, CancellationToken cancellation);

    /// <summary>Writes the rows and their index anew.</summary>
    Task RebuildAsync(IProgress<double>? progress, CancellationToken cancellation);

    /// <summary>Changes the parameters that may change.</summary>
    Task ReconfigureAsync(int? efSearch, int? probes, TimeSpan? timeToLive, CancellationToken cancellation);

    /// <summary>Puts the collection as it is at one commit into a folder.</summary>
    Task<CollectionSnapshot> SnapshotAsync(
        string folder, string note, IProgress<double>? progress, CancellationToken cancellation);

    /// <summary>The state at this moment.</summary>
    CollectionDescription Describe();
}
