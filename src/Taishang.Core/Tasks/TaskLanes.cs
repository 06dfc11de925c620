using Taishang.Core.Data;

namespace Taishang.Core.Tasks;

/// <summary>The tasks of one month that have a status, a type and a priority, and how many of them are asked for.
/// </summary>
internal sealed record TaskLane(Month Month, string Status, string Type, int Priority, long Count);

/// <summary>Ids between two bounds, both exclusive: those made from times are the id of nothing.</summary>
internal readonly record struct IdRange(string Low, string High)
{
    /// <summary>Behind every id: they begin with a hexadecimal digit.</summary>
    private const string End = "g";

    public static IdRange Of(TaskFilter filter) => new(
        filter.CreatedFrom is { } from ? RowId.First(from) : "",
        filter.CreatedTo is { } to ? RowId.First(to) : End);

    /// <summary>True when no task of the month is outside.</summary>
    public bool Covers(Month month) =>
        string.CompareOrdinal(Low, RowId.First(month.Start)) <= 0
        && string.CompareOrdinal(High, RowId.First(month.Next().Start)) >= 0;
}

/// <summary>Reads lanes: how many tasks stand in each, by the counts that the database keeps, and their ids.</summary>
internal static class TaskLanes
{
    /// <summary>Ids of a lane that are read at once while lanes are merged.</summary>
    private const int PieceMax = 500;

    private const string Counts = """
        SELECT status, type, priority, CAST(sum(count) AS BIGINT) AS count FROM tai_task_counts_{month}
        GROUP BY status, type, priority HAVING sum(count) > 0
        """;

    private const string OfLane = """
        FROM tai_tasks_{month}
        WHERE status = @status AND type = @type AND priority = @priority AND id > @low AND id < @high
        """;

    private const string CountOfLane = "SELECT count(*) " + OfLane;

    private const string Ascending = "SELECT id " + OfLane + " ORDER BY id LIMIT @take OFFSET @skip";

    private const string Descending = "SELECT id " + OfLane + " ORDER BY id DESC LIMIT @take OFFSET @skip";

    /// <summary>Lanes of the months that fit and are not empty, with what the range leaves of each.</summary>
    public static async Task<List<TaskLane>> ReadAsync(
        DatabaseSession session, IReadOnlyList<Month> months, TaskFilter filter)
    {
        var range = IdRange.Of(filter);
        var lanes = new List<TaskLane>();
        foreach (var month in months)
        {
            foreach (var row in await session.QueryAsync<LaneRow>(MonthlyTable.Sql(Counts, month)))
            {
                if (!filter.Fits(row.Status, row.Type, row.Priority)) continue;
                var lane = new TaskLane(month, row.Status, row.Type, row.Priority, row.Count);
                if (!range.Covers(month)) lane = lane with { Count = await CountAsync(session, lane, range) };
                if (lane.Count > 0) lanes.Add(lane);
            }
        }

        return lanes;
    }

    /// <summary>Ids of one lane in their order.</summary>
    public static Task<IReadOnlyList<string>> IdsAsync(
        DatabaseSession session, TaskLane lane, IdRange range, bool descending, (long Skip, int Take) page) =>
        session.QueryAsync<string>(
            MonthlyTable.Sql(descending ? Descending : Ascending, lane.Month), Parameters(lane, range, page));

    /// <summary>Ids of some lanes of one month, in the order of ids over all of them.</summary>
    public static async Task<IReadOnlyList<string>> MergeAsync(
        DatabaseSession session, IReadOnlyList<TaskLane> lanes, IdRange range, bool descending,
        (long Skip, int Take) page)
    {
        if (lanes.Count == 1) return await IdsAsync(session, lanes[0], range, descending, page);
        var piece = (int)Math.Min(PieceMax, page.Skip + page.Take);
        var heads = new PriorityQueue<LaneCursor, string>(Comparer<string>.Create(
            descending ? (a, b) => string.CompareOrdinal(b, a) : string.CompareOrdinal));
        foreach (var lane in lanes)
        {
            var cursor = new LaneCursor(session, lane, range, descending, piece);
            if (await cursor.NextAsync() is { } first) heads.Enqueue(cursor, first);
        }

        var found = new List<string>(page.Take);
        for (var skip = page.Skip; found.Count < page.Take && heads.TryDequeue(out var cursor, out var id); skip--)
        {
            if (skip <= 0) found.Add(id);
            if (await cursor.NextAsync() is { } next) heads.Enqueue(cursor, next);
        }

        return found;
    }

    private static async Task<long> CountAsync(DatabaseSession session, TaskLane lane, IdRange range) =>
        await session.ScalarAsync<long>(
            MonthlyTable.Sql(CountOfLane, lane.Month), Parameters(lane, range, (0, 0)));

    private static object Parameters(TaskLane lane, IdRange range, (long Skip, int Take) page) => new
    {
        status = lane.Status,
        type = lane.Type,
        priority = lane.Priority,
        low = range.Low,
        high = range.High,
        skip = page.Skip,
        take = page.Take,
    };

    /// <summary>A place in a lane, read on by pieces.</summary>
    private sealed class LaneCursor(
        DatabaseSession session, TaskLane lane, IdRange range, bool descending, int piece)
    {
        private readonly Queue<string> _ids = [];
        private IdRange _left = range;
        private bool _ended;

        public async Task<string?> NextAsync()
        {
            if (_ids.Count == 0 && !_ended)
            {
                var ids = await IdsAsync(session, lane, _left, descending, (0, piece));
                _ended = ids.Count < piece;
                foreach (var id in ids) _ids.Enqueue(id);
                if (ids.Count > 0)
                    _left = descending ? _left with { High = ids[^1] } : _left with { Low = ids[^1] };
            }

            return _ids.TryDequeue(out var next) ? next : null;
        }
    }

    private sealed class LaneRow
    {
        public required string Status { get; init; }

        public required string Type { get; init; }

        public int Priority { get; init; }

        public long Count { get; init; }
    }
}
