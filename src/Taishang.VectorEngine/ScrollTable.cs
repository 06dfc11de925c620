using System.Globalization;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine;

/// <summary>
/// The scrolls of a collection that wait for their next page. Each holds leases on the generations that it reads, so
/// that a compaction leaves its rows where they are; both their number and the time that they wait are bounded, because
/// what they hold is memory. A cursor names the scroll and a place in it, so a page can be asked for twice.
/// </summary>
internal sealed class ScrollTable(TimeProvider time, TimeSpan idle, int scrollsMax) : IDisposable
{
    private const char Separator = '-';

    private readonly Lock _lock = new();
    private readonly Dictionary<Guid, Session> _sessions = [];
    private ITimer? _timer;
    private bool _isClosed;

    /// <summary>Whether a scroll waits for its next page.</summary>
    public bool IsWaitedFor
    {
        get
        {
            lock (_lock)
            {
                SweepLocked();
                return _sessions.Count > 0;
            }
        }
    }

    /// <summary>Reads the first page. Takes leases of its own when others follow.</summary>
    public ScrollPage Begin(IReadOnlyList<ScrollPart> parts, ScrollRequest request)
    {
        var total = parts.Sum(part => (long)part.Matching.Count);
        var (rows, next) = Reader(parts, request).Read(default);
        if (next is not { } place)
            return new ScrollPage(rows, null, total);

        var id = Guid.NewGuid();
        Keep(id, new Session(parts, total));
        return new ScrollPage(rows, CursorOf(id, place), total);
    }

    /// <summary>Reads the page that a cursor leads to.</summary>
    public ScrollPage Continue(ScrollRequest request)
    {
        var (id, place) = Parse(request.Cursor);
        var session = Take(id);
        try
        {
            if (place.Part >= session.Parts.Count)
                throw BadCursor();

            var (rows, next) = Reader(session.Parts, request).Read(place);
            return new ScrollPage(rows, next is { } found ? CursorOf(id, found) : null, session.Total);
        }
        finally
        {
            Release(session.Parts);
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _isClosed = true;
            foreach (var session in _sessions.Values)
                Release(session.Parts);
            _sessions.Clear();
            _timer?.Dispose();
        }
    }

    private ScrollReader Reader(IReadOnlyList<ScrollPart> parts, ScrollRequest request) =>
        new(parts, request, time.GetUtcNow().UtcTicks);

    private void Keep(Guid id, Session session)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isClosed, typeof(VectorCollection));
            SweepLocked();
            if (_sessions.Count >= scrollsMax)
                Drop(_sessions.MinBy(pair => pair.Value.LastUse).Key);
            Acquire(session.Parts);
            session.LastUse = time.GetTimestamp();
            _sessions.Add(id, session);
            _timer ??= time.CreateTimer(_ => Sweep(), null, idle, idle);
        }
    }

    /// <summary>The scroll, with further leases for the reading of one page.</summary>
    private Session Take(Guid id)
    {
        lock (_lock)
        {
            SweepLocked();
            if (!_sessions.TryGetValue(id, out var session))
            {
                throw new ScrollExpiredException(
                    $"cursor: the scroll has expired: it waits {idle.TotalSeconds:0} s for its next page, {scrollsMax} "
                    + "of a collection wait at once, and none outlives a restart; begin anew without a cursor");
            }

            session.LastUse = time.GetTimestamp();
            Acquire(session.Parts);
            return session;
        }
    }

    private void Sweep()
    {
        lock (_lock)
        {
            SweepLocked();
            if (_sessions.Count > 0)
                return;

            _timer?.Dispose();
            _timer = null;
        }
    }

    private void SweepLocked()
    {
        foreach (var (id, session) in _sessions)
        {
            if (time.GetElapsedTime(session.LastUse) >= idle)
                Drop(id);
        }
    }

    private void Drop(Guid id)
    {
        if (_sessions.Remove(id, out var session))
            Release(session.Parts);
    }

    /// <summary>Never fails: whoever calls holds leases already.</summary>
    private static void Acquire(IReadOnlyList<ScrollPart> parts)
    {
        foreach (var part in parts)
            ObjectDisposedException.ThrowIf(!part.Snapshot.Generation.TryAcquire(), typeof(VectorCollection));
    }

    private static void Release(IReadOnlyList<ScrollPart> parts)
    {
        foreach (var part in parts)
            part.Snapshot.Generation.Release();
    }

    private static string CursorOf(Guid id, ScrollPlace place) => string.Create(
        CultureInfo.InvariantCulture, $"{id:N}{Separator}{place.Part}{Separator}{place.Row}");

    private static (Guid Id, ScrollPlace Place) Parse(string? cursor)
    {
        var parts = (cursor ?? "").Split(Separator);
        if (parts.Length == 3 && Guid.TryParseExact(parts[0], "N", out var id)
            && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var part)
            && int.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out var row))
        {
            return (id, new ScrollPlace(part, row));
        }

        throw BadCursor();
    }

    private static VectorInputException BadCursor() => new(
        VectorInputError.BadParameter, "cursor: expected what the page before gave as its next cursor");

    private sealed class Session(IReadOnlyList<ScrollPart> parts, long total)
    {
        public IReadOnlyList<ScrollPart> Parts { get; } = parts;

        public long Total { get; } = total;

        public long LastUse { get; set; }
    }
}
