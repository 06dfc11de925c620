using System.Text.Json.Nodes;
using Taishang.Testing.Processes;

namespace Taishang.System.Tests.Faults;

/// <summary>
/// What a client knows of a server that is killed again and again: what was acknowledged, and what was under way when
/// the answer did not come, of which all or nothing may have happened.
/// </summary>
internal sealed class KillWorld(Random random)
{
    public const int Dims = 24;
    public const string Collection = "kills";
    private const int RowsPerBatch = 15;

    /// <summary>Rows that must be there, by id, with the version of their last acknowledged write.</summary>
    private readonly Dictionary<string, int> _rows = [];

    /// <summary>Batches without an answer: id → version that may or may not have been written, all or none.</summary>
    private readonly List<Dictionary<string, int>> _uncertainWrites = [];
    private readonly List<string[]> _uncertainDeletes = [];
    private readonly HashSet<string> _tasks = [];
    private int _nextRow;
    private int _version;

    public string? CollectionId { get; set; }

    public int AcknowledgedRows => _rows.Count;

    public IReadOnlyCollection<string> Tasks => _tasks;

    public int UncertainTasks { get; private set; }

    public async Task UpsertAsync(ServerProcess server)
    {
        _version++;
        var batch = new Dictionary<string, int>();
        while (batch.Count < RowsPerBatch)
        {
            // One row in three replaces an older one.
            var id = _nextRow > 0 && random.Next(3) == 0 ? $"row-{random.Next(_nextRow)}" : $"row-{_nextRow++}";
            batch[id] = _version;
        }

        var rows = batch.Select(row => new
        {
            id = row.Key,
            vector = VectorOf(row.Key, row.Value),
            metadata = new { version = row.Value },
        });
        try
        {
            var answer = await server.ApiPostAsync("vectors/upsert", new { collection = Collection, vectors = rows });
            Assert.Equal(RowsPerBatch, (int)answer.Ok["count"]!);
            foreach (var (id, version) in batch) _rows[id] = version;
        }
        catch (Exception e) when (IsCut(e))
        {
            _uncertainWrites.Add(batch);
            throw;
        }
    }

    public async Task DeleteAsync(ServerProcess server)
    {
        if (_rows.Count < 50) return;
        var ids = _rows.Keys.Order(StringComparer.Ordinal).Skip(random.Next(_rows.Count - 5)).Take(3).ToArray();
        try
        {
            var answer = await server.ApiPostAsync("vectors/delete", new { collection = Collection, ids });
            Assert.Equal(ids.Length, (int)answer.Ok["count"]!);
            foreach (var id in ids) _rows.Remove(id);
        }
        catch (Exception e) when (IsCut(e))
        {
            _uncertainDeletes.Add(ids);
            throw;
        }
    }

    public async Task CreateTaskAsync(ServerProcess server)
    {
        try
        {
            var answer = await server.ApiPostAsync("tasks", new
            {
                type = "embedding",
                payload = new { texts = new[] { $"task {_tasks.Count}", "a second text" } },
                max_attempts = 100,
            });
            Assert.True(_tasks.Add((string)answer.Ok["id"]!));
        }
        catch (Exception e) when (IsCut(e))
        {
            UncertainTasks++;
            throw;
        }
    }

    /// <summary>Every acknowledged row is there once with its last content; what was under way is there whole or not
    /// at all. What is found becomes what is known.</summary>
    public async Task VerifyRowsAsync(ServerProcess server)
    {
        foreach (var batch in _uncertainWrites) await SettleWriteAsync(server, batch);
        foreach (var ids in _uncertainDeletes) await SettleDeleteAsync(server, ids);
        _uncertainWrites.Clear();
        _uncertainDeletes.Clear();

        var count = (long)(await server.ApiGetAsync($"vectors/count?collection={Collection}")).Ok["count"]!;
        Assert.Equal(_rows.Count, count);
        foreach (var ids in _rows.Keys.Chunk(500))
        {
            var found = await GetAsync(server, ids);
            Assert.Equal(ids.Length, found.Count);
            foreach (var id in ids)
            {
                Assert.Equal(_rows[id], found[id].Version);
                Assert.Equal(VectorOf(id, _rows[id]), found[id].Vector);
            }
        }
    }

    /// <summary>The index answers: the nearest row to a row's own vector is that row.</summary>
    public async Task VerifySearchAsync(ServerProcess server, int searches)
    {
        var ids = _rows.Keys.Order(StringComparer.Ordinal).ToArray();
        for (var i = 0; i < searches; i++)
        {
            var id = ids[random.Next(ids.Length)];
            var answer = await server.ApiPostAsync(
                "vectors/search", new { collection = Collection, vector = VectorOf(id, _rows[id]), top_k = 1 });
            Assert.Equal(id, (string)answer.Ok["results"]![0]!["id"]!);
        }
    }

    public static bool IsCut(Exception e) => e is HttpRequestException or IOException or OperationCanceledException;

    private async Task SettleWriteAsync(ServerProcess server, Dictionary<string, int> batch)
    {
        var found = await GetAsync(server, [.. batch.Keys]);
        var written = batch.Count(row => found.TryGetValue(row.Key, out var have) && have.Version == row.Value);
        Assert.True(written == 0 || written == batch.Count, $"{written} of {batch.Count} rows of one upsert are there");
        if (written == 0) return;
        foreach (var (id, version) in batch) _rows[id] = version;
    }

    private async Task SettleDeleteAsync(ServerProcess server, string[] ids)
    {
        var found = await GetAsync(server, ids);
        Assert.True(
            found.Count == 0 || found.Count == ids.Length,
            $"{found.Count} of {ids.Length} rows of one delete are there");
        if (found.Count != 0) return;
        foreach (var id in ids) _rows.Remove(id);
    }

    private static async Task<Dictionary<string, (int Version, float[] Vector)>> GetAsync(
        ServerProcess server, string[] ids)
    {
        var data = (await server.ApiPostAsync("vectors/get", new { collection = Collection, ids })).Ok;
        return data["vectors"]!.AsArray().ToDictionary(
            row => (string)row!["id"]!,
            row => ((int)row!["metadata"]!["version"]!, row["vector"]!.AsArray().Select(v => (float)v!).ToArray()));
    }

    /// <summary>A vector that no other id or version has.</summary>
    private static float[] VectorOf(string id, int version)
    {
        var seed = new Random((int.Parse(id.AsSpan(4)) * 10_007) + version);
        return [.. Enumerable.Range(0, Dims).Select(_ => (float)Math.Round(seed.NextDouble(), 4))];
    }
}
