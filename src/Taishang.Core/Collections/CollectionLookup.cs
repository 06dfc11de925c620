using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using Taishang.Core.Api;

namespace Taishang.Core.Collections;

/// <summary>
/// Names, aliases and ids to rows, kept for a moment, so that a search does not ask SQL each time. What changes through
/// this process is seen at once; what another process changed, a switched alias too, is seen when the moment is over.
/// A row that is gone meanwhile does no harm: its worker knows the collection no more and says so, and whoever named it
/// looks again.
/// </summary>
internal sealed class CollectionLookup(
    CollectionStore store, TimeProvider time, IOptions<CollectionOptions> options)
{
    /// <summary>Which collection a name or alias leads to.</summary>
    private readonly ConcurrentDictionary<string, Kept<string>> _ids = new();

    /// <summary>Rows by id, so that a change of one is a change under all its names.</summary>
    private readonly ConcurrentDictionary<string, Kept<Collection>> _rows = new();

    /// <summary>Grows with every change: what was read before it is not kept.</summary>
    private long _changes;

    /// <summary>Grows with every switch of aliases: nothing that was kept before it is used.</summary>
    private long _switches;

    /// <summary>While one goes on the database is asked each time, so that no one sees half of it.</summary>
    private int _switching;

    /// <exception cref="ApiException">There is no such collection.</exception>
    public ValueTask<Collection> GetAsync(string reference, CancellationToken cancellation)
    {
        var isNamed = !Collection.IsId(reference);
        var id = isNamed ? Fresh(_ids, reference) : reference;
        return id is not null && Fresh(_rows, id) is { } row ? new(row) : new(ReadAsync(reference, cancellation));
    }

    /// <summary>Past what is kept.</summary>
    /// <exception cref="ApiException">There is no such collection.</exception>
    public async Task<Collection> ReadAsync(string reference, CancellationToken cancellation)
    {
        var changes = Interlocked.Read(ref _changes);
        var switches = Interlocked.Read(ref _switches);
        var readAt = time.GetTimestamp();
        if (await store.FindAsync(reference, cancellation) is not { } row)
        {
            _ids.TryRemove(reference, out _);
            _rows.TryRemove(reference, out _);
            throw NotFound(reference);
        }

        var keptRow = new Kept<Collection>(row, readAt, switches);
        var keptId = new Kept<string>(row.Id, readAt, switches);
        Keep(_rows, row.Id, keptRow);
        if (!Collection.IsId(reference)) Keep(_ids, reference, keptId);
        // A change that came while the row was read may have missed the entries: then they must not stay.
        if (Interlocked.Read(ref _changes) == changes) return row;
        _rows.TryRemove(new(row.Id, keptRow));
        _ids.TryRemove(new(reference, keptId));
        return row;
    }

    public void Forget(Collection row)
    {
        Interlocked.Increment(ref _changes);
        _rows.TryRemove(row.Id, out _);
        _ids.TryRemove(row.Name, out _);
    }

    /// <summary>Runs a switch of aliases so that no search of this process sees one alias moved and, after it, another
    /// as it was before.</summary>
    public async Task<T> SwitchAsync<T>(Func<Task<T>> change)
    {
        Interlocked.Increment(ref _switching);
        try
        {
            return await change();
        }
        finally
        {
            Interlocked.Increment(ref _switches);
            Interlocked.Decrement(ref _switching);
        }
    }

    public static ApiException NotFound(string reference) => new(
        ErrorCodes.CollectionNotFound, $"{ErrorCodes.CollectionNotFound.Message}: '{Cut(reference)}'");

    private T? Fresh<T>(ConcurrentDictionary<string, Kept<T>> kept, string key)
        where T : class =>
        kept.TryGetValue(key, out var entry)
        && entry.Switches == Interlocked.Read(ref _switches)
        && Volatile.Read(ref _switching) == 0
        && time.GetElapsedTime(entry.ReadAt).TotalMilliseconds < options.Value.LookupMilliseconds
            ? entry.Value
            : null;

    private void Keep<T>(ConcurrentDictionary<string, Kept<T>> kept, string key, Kept<T> entry)
    {
        if (kept.Count >= options.Value.LookupEntriesMax) kept.Clear();
        kept[key] = entry;
    }

    private static string Cut(string text) => text.Length <= 100 ? text : text[..100] + "…";

    /// <param name="Value">As read.</param>
    /// <param name="ReadAt">When the reading began.</param>
    /// <param name="Switches">How many switches of aliases there had been by then.</param>
    private sealed record Kept<T>(T Value, long ReadAt, long Switches);
}
