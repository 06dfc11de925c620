using System.Text;

namespace Taishang.VectorEngine.Tests.Model;

/// <summary>Asks a collection in every way and compares the answer with that of a plain loop.</summary>
internal sealed class ModelReader(Random random, VectorCollectionOptions options)
{
    private const double Tolerance = 1e-4;

    private readonly List<(string Cursor, Dictionary<string, ModelRow> Left)> _scrolls = [];
    private long _wanted;
    private long _found;
    private long _coded;
    private long _codedFarOff;

    /// <summary>A search that walks may miss a row, one without floats takes near ones for nearest; over a whole run at
    /// least this share of the answers is right.</summary>
    public double RecallMin => (options.Compression, options.Rerank) switch
    {
        (CompressionKind.None, _) or (_, RerankKind.Float32) => 0.95,
        (CompressionKind.Sq8, _) => 0.95,
        (CompressionKind.Sq4, _) => 0.9,
        _ => 0.75,
    };

    /// <summary>The share of distances without floats that were further off than codes explain: rows that came after
    /// the grid was made may lie outside of it.</summary>
    public double FarOffShare => _coded == 0 ? 0 : (double)_codedFarOff / _coded;

    /// <summary>How far a distance without floats may be off, as a share of it.</summary>
    private double CodeTolerance => options.Compression switch
    {
        CompressionKind.Sq8 => 0.25,
        CompressionKind.Sq4 => 0.5,
        _ => double.MaxValue,
    };

    private bool IsByCodes => options.Rerank == RerankKind.None;

    /// <summary>The share of the right rows that searches which may walk have found.</summary>
    public double Recall => _wanted == 0 ? 1 : (double)_found / _wanted;

    /// <summary>A restart ends all scrolls.</summary>
    public void ForgetScrolls() => _scrolls.Clear();

    public void Read(IVectorCollection collection, Dictionary<string, ModelRow> live)
    {
        Assert.Equal(live.Count, collection.Count());
        switch (random.Next(10))
        {
            case 0:
                Get(collection, live);
                break;
            case 1:
                var filter = ModelFilter.Random(random);
                Assert.Equal(live.Values.Count(filter.Accepts), collection.Count(filter.Filter));
                break;
            case 2:
                Scroll(collection, live);
                break;
            case 3:
                Describe(collection, live);
                break;
            default:
                Search(collection, live);
                break;
        }
    }

    private void Get(IVectorCollection collection, Dictionary<string, ModelRow> live)
    {
        var asked = Enumerable.Range(0, 8).Select(_ => $"id{random.Next(ModelRun.IdCount)}").Distinct().ToList();
        var got = collection.Get([.. asked.Select(id => new VectorId(id))]);
        Assert.Equal(asked.Where(live.ContainsKey), got.Select(row => row.Id.Text));
        foreach (var row in got)
        {
            var expected = live[row.Id.Text];
            Assert.Equal(expected.Vector, row.Vector.ToArray());
            Assert.Equal(expected.Json, Encoding.UTF8.GetString(row.MetadataJson.Span));
            Assert.Equal(expected.ExpiresAt, row.ExpiresAt);
        }
    }

    private static void Describe(IVectorCollection collection, Dictionary<string, ModelRow> live)
    {
        var description = collection.Describe();
        Assert.Equal(live.Count, description.LiveRows);
        Assert.InRange(description.IndexedRows, 0, live.Count);
        Assert.Empty(description.RecoveryNotes);
    }

    /// <summary>Begins a scroll over the rows of now, or goes on with one over the rows of then.</summary>
    private void Scroll(IVectorCollection collection, Dictionary<string, ModelRow> live)
    {
        var limit = 1 + random.Next(100);
        if (_scrolls.Count == 0 || (_scrolls.Count < 5 && random.Next(3) == 0))
        {
            var filter = random.Next(2) == 0 ? null : ModelFilter.Random(random);
            var rows = filter is null ? new(live) : live.Where(row => filter.Accepts(row.Value)).ToDictionary();
            Take(collection.Scroll(new ScrollRequest(limit) { Filter = filter?.Filter }), rows);
            return;
        }

        var at = random.Next(_scrolls.Count);
        var (cursor, left) = _scrolls[at];
        _scrolls.RemoveAt(at);
        Take(collection.Scroll(new ScrollRequest(limit) { Cursor = cursor }), left);
    }

    private void Take(ScrollPage page, Dictionary<string, ModelRow> left)
    {
        foreach (var row in page.Rows)
            Assert.True(left.Remove(row.Id.Text), $"{row.Id} came twice, or was not there when the scroll began");
        if (page.NextCursor is { } cursor)
            _scrolls.Add((cursor, left));
        else
            Assert.DoesNotContain(left, row => row.Value.ExpiresAt is null);
    }

    private void Search(IVectorCollection collection, Dictionary<string, ModelRow> live)
    {
        var query = random.Next(6) == 0 && live.Count > 0
            ? live.Values.ElementAt(random.Next(live.Count)).Vector
            : Rows.Vector(random, options.Dimensions);
        var filter = random.Next(2) == 0 ? null : ModelFilter.Random(random);
        var request = new SearchRequest(query, 1 + random.Next(12))
        {
            Filter = filter?.Filter,
            Exact = random.Next(2) == 0,
            Offset = random.Next(3) == 0 ? random.Next(30) : 0,
            EfSearch = random.Next(2) == 0 ? null : 8 + random.Next(40),
        };
        var expected = live.Where(row => filter is null || filter.Accepts(row.Value))
            .Select(row => (Id: row.Key, Distance: Rows.Distance(options.Metric, query, row.Value.Vector)))
            .OrderBy(row => row.Distance).ThenBy(row => row.Id, StringComparer.Ordinal)
            .Skip(request.Offset).Take(request.TopK).ToList();

        var hits = collection.Search(request).Hits;

        Assert.Equal(expected.Count, hits.Count);
        Assert.Equal(hits.Count, hits.Select(hit => hit.Id).Distinct().Count());
        for (var i = 0; i < hits.Count; i++)
        {
            Assert.True(live.TryGetValue(hits[i].Id.Text, out var row), $"{hits[i].Id} is not there");
            Assert.True(filter is null || filter.Accepts(row), $"{hits[i].Id} does not match {filter?.Json}");
            CheckDistance(Rows.Distance(options.Metric, query, row.Vector), hits[i].Distance, request.Exact);
            if (i > 0)
                CheckOrder(hits[i - 1], hits[i], live, isByCodes: IsByCodes && !request.Exact);
            if (request.Exact)
                Assert.Equal(expected[i].Distance, hits[i].Distance, Tolerance);
        }

        if (request.Exact || request.Offset > 0 || hits.Count == 0)
            return;

        _wanted += hits.Count;
        _found += hits.Count(hit =>
            Rows.Distance(options.Metric, query, live[hit.Id.Text].Vector) <= expected[^1].Distance + Tolerance);
    }

    private void CheckDistance(double expected, double found, bool isExact)
    {
        if (!IsByCodes || isExact)
            Assert.Equal(expected, found, Tolerance);
        else
            NoteCodeDistance(expected, found);
    }

    private void NoteCodeDistance(double expected, double found)
    {
        Assert.True(double.IsFinite(found), $"a distance of {found}");
        _coded++;
        if (Math.Abs(expected - found) > CodeTolerance * Math.Max(1, Math.Abs(expected)))
            _codedFarOff++;
    }

    /// <summary>Rows of one vector come by their ids; but one under codes and one that no index covers yet have
    /// distances of their own.</summary>
    private static void CheckOrder(
        SearchHit before, SearchHit after, Dictionary<string, ModelRow> live, bool isByCodes)
    {
        Assert.True(before.Distance <= after.Distance, $"{before} stands before {after}");
        if (!isByCodes && live[before.Id.Text].Vector.AsSpan().SequenceEqual(live[after.Id.Text].Vector))
            Assert.True(before.Id.CompareTo(after.Id) < 0, $"{before} stands before {after}");
    }
}
