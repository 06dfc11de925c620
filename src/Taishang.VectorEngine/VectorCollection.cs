using Taishang.VectorEngine.Filtering;

namespace Taishang.VectorEngine;

/// <summary>
/// The door of the engine: one durable collection of vectors in a folder of its own. All members may be called from
/// any thread. Writes are durable when their task completes and visible to every search that starts afterwards.
/// </summary>
public sealed class VectorCollection : IAsyncDisposable
{
    private VectorCollection()
    {
    }

    /// <summary>Makes a new, empty collection in a folder that does not hold one yet.</summary>
    public static Task<VectorCollection> CreateAsync(
        string folder, VectorCollectionOptions options, VectorEngineOptions engine, CancellationToken cancellation) =>
        throw new NotSupportedException();

    /// <summary>Opens what <see cref="CreateAsync"/> made and replays what was acknowledged before the last stop.</summary>
    /// <exception cref="CorruptDataException">A file is damaged beyond what can be rebuilt from the others.</exception>
    public static Task<VectorCollection> OpenAsync(
        string folder, VectorEngineOptions engine, CancellationToken cancellation) => throw new NotSupportedException();

    /// <summary>Writes all rows or none; a later row of the same id in one call wins. Returns rows written.</summary>
    public Task<int> UpsertAsync(IReadOnlyList<VectorRow> rows, CancellationToken cancellation) =>
        throw new NotSupportedException();

    /// <summary>Deletes by id; returns how many live rows really went.</summary>
    public Task<int> DeleteAsync(IReadOnlyList<VectorId> ids, CancellationToken cancellation) =>
        throw new NotSupportedException();

    /// <summary>Deletes by filter; returns how many live rows really went.</summary>
    public Task<int> DeleteAsync(MetadataFilter filter, CancellationToken cancellation) =>
        throw new NotSupportedException();

    public SearchAnswer Search(SearchRequest request, CancellationToken cancellation = default) =>
        throw new NotSupportedException();

    /// <summary>The live rows among the ids, in the order asked, missing ones left out.</summary>
    public IReadOnlyList<VectorRow> Get(IReadOnlyList<VectorId> ids) => throw new NotSupportedException();

    /// <summary>Live rows, all or those that match.</summary>
    public long Count(MetadataFilter? filter = null) => throw new NotSupportedException();

    /// <summary>
    /// Brings every row written so far under the index. Searches and writes go on meanwhile. Two builds at once are
    /// one build. Reports a share from 0 to 1.
    /// </summary>
    public Task BuildIndexAsync(IProgress<double>? progress, CancellationToken cancellation) =>
        throw new NotSupportedException();

    /// <summary>Changes the parameters that may change: graph search width, time to live of rows to come.</summary>
    public Task ReconfigureAsync(int? efSearch, TimeSpan? timeToLive, CancellationToken cancellation) =>
        throw new NotSupportedException();

    public CollectionDescription Describe() => throw new NotSupportedException();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
