using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using Taishang.Core.Api;

namespace Taishang.Core.Collections;

/// <summary>
/// Names and ids to rows, kept for a moment, so that a search does not ask SQL each time. What changes through this
/// process is forgotten at once; what another process changed is seen when the moment is over. A row that is gone
/// meanwhile does no harm: its worker knows the collection no more and says so.
/// </summary>
internal sealed class CollectionLookup(
    CollectionStore store, TimeProvider time, IOptions<CollectionOptions> options)
{
    private readonly ConcurrentDictionary<string, Entry> _entries = new();

    /// <summary>Grows with every change: what was read before it is not kept.</summary>
    private long _changes;

    /// <exception cref="ApiException">There is no such collection.</exception>
    public ValueTask<Collection> GetAsync(string reference, CancellationToken cancellation)
    {
        var lifetime = options.Value.LookupMilliseconds;
        if (_entries.TryGetValue(reference, out var entry)
            && time.GetElapsedTime(entry.ReadAt).TotalMilliseconds < lifetime) return new(entry.Row);
        return new(ReadAsync(reference, cancellation));
    }

    /// <summary>Past what is kept.</summary>
    /// <exception cref="ApiException">There is no such collection.</exception>
    public async Task<Collection> ReadAsync(string reference, CancellationToken cancellation)
    {
        var changes = Interlocked.Read(ref _changes);
        var readAt = time.GetTimestamp();
        if (await store.FindAsync(reference, cancellation) is not { } row)
        {
            _entries.TryRemove(reference, out _);
            throw NotFound(reference);
        }

        if (_entries.Count >= options.Value.LookupEntriesMax) _entries.Clear();
        var entry = new Entry(row, readAt);
        _entries[reference] = entry;
        // A change that came while the row was read may have missed the entry: then it must not stay.
        if (Interlocked.Read(ref _changes) != changes) _entries.TryRemove(new(reference, entry));
        return row;
    }

    public void Forget(Collection row)
    {
        Interlocked.Increment(ref _changes);
        _entries.TryRemove(row.Id, out _);
        _entries.TryRemove(row.Name, out _);
    }

    public static ApiException NotFound(string reference) => new(
        ErrorCodes.CollectionNotFound, $"{ErrorCodes.CollectionNotFound.Message}: '{Cut(reference)}'");

    private static string Cut(string text) => text.Length <= 100 ? text : text[..100] + "…";

    private sealed record Entry(Collection Row, long ReadAt);
}
