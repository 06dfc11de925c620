using System.Globalization;
using System.Text.Json.Nodes;

namespace Taishang.System.Tests.Soak;

/// <summary>Looks at everything when all has come to rest; collects what is wrong rather than stopping at the first.
/// </summary>
internal sealed class SoakVerdict(SoakCluster cluster, SoakClient client, SoakBook book)
{
    private readonly List<string> _faults = [];
    private Dictionary<string, SoakRow> _rows = [];
    private ILookup<string, SoakLine> _trails = Array.Empty<SoakLine>().ToLookup(line => line.TaskId);

    public IReadOnlyList<string> Faults => _faults;

    public int TaskCount => _rows.Count;

    /// <summary>Ends that came late and were told to the trail.</summary>
    public int LateEnds => Lines().Count(line => line.Verb == "late");

    public int Rescues => Lines().Count(line => line.Verb == "rescue");

    public int Attempts => Lines().Count(line => line.Verb == "claim");

    /// <summary>What stands in the trails, by the ids of the lines.</summary>
    public IEnumerable<string> LineIds => Lines().Select(line => line.Id);

    /// <param name="schedules">Ids of schedules of every second, of which no time may be missing.</param>
    public async Task JudgeAsync(IReadOnlyList<string> schedules)
    {
        var (rows, lines) = await cluster.Database.StateAsync();
        _trails = lines.ToLookup(line => line.TaskId);
        Check(rows.Select(row => row.Id).Distinct().Count() == rows.Count, "an id is there twice");
        Check(Lines().Select(line => line.Id).Distinct().Count() == Lines().Count(), "an event's id is there twice");
        _rows = rows.ToDictionary(row => row.Id);
        Exist();
        foreach (var row in rows) _faults.AddRange(TrailRules.Faults(row, [.. _trails[row.Id]]));
        foreach (var task in book.Tasks.Values.Where(task => _rows.ContainsKey(task.Id))) Ended(task);
        foreach (var schedule in schedules) Fired(schedule);
        await NothingIsLeftAsync();
        await LedgerAsync();
        await CollectionAsync();
        await StatisticsAsync();
    }

    /// <summary>Tasks that nobody was told of are those that schedules made.</summary>
    private void Exist()
    {
        foreach (var id in book.Tasks.Keys) Check(_rows.ContainsKey(id), $"{id} was acknowledged and is lost");
        foreach (var row in _rows.Values.Where(row => row.Schedule is null))
            Check(book.Tasks.ContainsKey(row.Id), $"{row.Id} ({row.Label}) exists and was answered to nobody");
        foreach (var twice in _rows.Values.Where(row => row.Label is not null).GroupBy(row => row.Label))
            Check(twice.Count() == 1, $"{twice.Key} was made {twice.Count()} times");
    }

    private void Ended(SoakTask task)
    {
        var row = _rows[task.Id];
        Check(task.Ends.Contains(row.Status), $"{task.Kind} {task.Id} ended as {row.Status}");
        if (task.CancelAcknowledged) Check(row.Status == "cancelled", $"{task.Id} was cancelled and is {row.Status}");
        Check(row.Status != "completed" || row.Attempt > task.Failures, $"{task.Id} failed too seldom");
        Check(
            _trails[task.Id].Count(line => line.Verb == "retry") >= task.Retries,
            $"{task.Id} was told of a retry that did not happen");
        var begins = _trails[task.Id].Where(line => line.Verb == "claim").Select(line => line.At).Take(1).ToArray();
        if (task.NotBefore is { } due)
            Check(begins.All(at => at >= due.AddMilliseconds(-1)), $"{task.Id} began before it was due");
        var parents = task.Parents.Where(_rows.ContainsKey).ToArray();
        foreach (var parent in parents)
        {
            var end = _trails[parent].Last(TrailRules.IsEnd).At;
            // Parked when a parent failed, it may be started before the others have ended.
            if (task.Kind != "parks with parents")
                Check(begins.All(at => at >= end), $"{task.Id} began before its parent {parent} had ended");
        }

        if (!task.CancelsWithParents) return;
        var failed = parents.Any(parent => _rows[parent].Status != "completed");
        Check((row.Status == "cancelled") == failed, $"{task.Id} is {row.Status}, a parent failed: {failed}");
    }

    private void Fired(string schedule)
    {
        var times = _rows.Values.Where(row => row.Schedule == schedule)
            .Select(row => DateTimeOffset.Parse(row.DueAt!, CultureInfo.InvariantCulture)).Order().ToArray();
        Check(times.Length > 0, $"schedule {schedule} never fired");
        for (var i = 1; i < times.Length; i++)
        {
            Check(
                times[i] - times[i - 1] == TimeSpan.FromSeconds(1),
                $"schedule {schedule} fired for {times[i - 1]:O} and next for {times[i]:O}");
        }
    }

    private async Task NothingIsLeftAsync()
    {
        foreach (var table in new[] { "tai_task_queue", "tai_task_unique_keys", "tai_task_dependencies" })
        {
            var left = await cluster.Database.CountAsync($"SELECT count(*) FROM {table}");
            Check(left == 0, $"{left} rows are left in {table}");
        }
    }

    /// <summary>
    /// Each completed payment was paid once, by an attempt that the trail knows; none went back in time.
    /// </summary>
    private async Task LedgerAsync()
    {
        var effects = new Dictionary<string, (long Fence, long Amount)>();
        await using (var reader = await LedgerAsync("SELECT task_id, fence, amount FROM effects"))
        {
            while (await reader.ReadAsync())
                effects.Add(reader.GetString(0), (reader.GetInt64(1), reader.GetInt64(2)));
        }

        foreach (var row in _rows.Values.Where(row => row is { Type: LedgerExecutor.TypeName, Status: "completed" }))
            Check(effects.ContainsKey(row.Id), $"{row.Id} completed and paid nothing");
        foreach (var (id, effect) in effects)
        {
            Check(_rows[id].Fence >= effect.Fence, $"{id} paid with the fence {effect.Fence}, which it never had");
            if (book.Tasks.TryGetValue(id, out var task))
                Check(task.Amount == effect.Amount, $"{id} paid {effect.Amount} instead of {task.Amount}");
        }

        var total = effects.Values.Sum(effect => effect.Amount);
        Check(await LedgerCountAsync("SELECT total FROM account") == total, "the account is not the sum of payments");
        Check(
            await LedgerCountAsync("""
                SELECT count(*) FROM journal later JOIN journal earlier
                ON earlier.task_id = later.task_id AND earlier.id < later.id AND earlier.fence > later.fence
                """) == 0,
            "a smaller fence got through the door after a greater one");
    }

    /// <summary>Rows of completed tasks are all there, and others only from tasks that did not complete.</summary>
    private async Task CollectionAsync()
    {
        var tasks = book.Tasks.Values.Where(task => task.Rows.Count > 0).ToArray();
        var expected =
            tasks.Where(task => _rows[task.Id].Status == "completed").SelectMany(task => task.Rows).ToArray();
        foreach (var ids in expected.Chunk(500))
        {
            var answer = await client.PostAsync("vectors/get", new { collection = SoakBook.Collection, ids });
            var found = answer.Ok["vectors"]!.AsArray().Select(row => (string)row!["id"]!).ToHashSet();
            Check(found.Count == ids.Length, $"of {ids.Length} rows {found.Count} are in the collection");
        }

        var count = (long)(await client.GetAsync($"vectors/count?collection={SoakBook.Collection}"))["count"]!;
        Check(count == expected.Length, $"the collection has {count} rows instead of {expected.Length}");
    }

    private async Task StatisticsAsync()
    {
        var stats = (await client.GetAsync("tasks/stats"))["stats"]!;
        Compare(stats["overall"]!, Lines().ToArray(), "overall");
        foreach (var type in stats["by_type"]!.AsArray())
        {
            var name = (string)type!["type"]!;
            Compare(type, [.. Lines().Where(line => _rows[line.TaskId].Type == name)], name);
        }
    }

    private void Compare(JsonNode figures, SoakLine[] lines, string what)
    {
        var moves = lines.Where(line => line.From != line.To).ToArray();
        foreach (var state in new[] { "completed", "failed", "cancelled" })
            Same(state, moves.Count(line => line.To == state));
        Same("retried", moves.Count(line => line is { Verb: "fail" or "rescue", To: "queued" }));
        Same("rescued", moves.Count(line => line.Verb == "rescue"));

        void Same(string figure, int count) => Check(
            (long)figures[figure]! == count,
            $"statistics {what}: {figure} is {figures[figure]}, the trails say {count}");
    }

    private IEnumerable<SoakLine> Lines() => _trails.SelectMany(trail => trail);

    private async Task<long> LedgerCountAsync(string sql)
    {
        await using var command = cluster.Ledger.Source.CreateCommand(sql);
        return (long)(await command.ExecuteScalarAsync())!;
    }

    private async Task<Npgsql.NpgsqlDataReader> LedgerAsync(string sql)
    {
        await using var command = cluster.Ledger.Source.CreateCommand(sql);
        return await command.ExecuteReaderAsync();
    }

    private void Check(bool holds, string otherwise)
    {
        if (!holds) _faults.Add(otherwise);
    }
}
