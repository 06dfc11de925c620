using Microsoft.Extensions.Time.Testing;

namespace Taishang.VectorEngine.Tests.Model;

/// <summary>
/// Seeded random operations, restarts among them, against a dictionary and a plain loop. The long form runs when
/// TAISHANG_LONG_TESTS is 1.
/// </summary>
public sealed class ModelTests
{
    private const int Dimensions = 8;
    private const int IdCount = 400;

    private static readonly bool IsLong = Environment.GetEnvironmentVariable("TAISHANG_LONG_TESTS") == "1";

    [Theory]
    [InlineData(1, IndexKind.Hnsw, DistanceMetric.L2)]
    [InlineData(2, IndexKind.Hnsw, DistanceMetric.Cosine)]
    [InlineData(3, IndexKind.Flat, DistanceMetric.Dot)]
    [InlineData(4, IndexKind.Hnsw, DistanceMetric.Dot)]
    [InlineData(5, IndexKind.IvfFlat, DistanceMetric.L2)]
    [InlineData(6, IndexKind.IvfSq8, DistanceMetric.Cosine)]
    public async Task Random_operations_match_a_dictionary(int seed, IndexKind kind, DistanceMetric metric)
    {
        var operations = IsLong ? 50_000 : 5_000;
        var run = new Run(seed);
        try
        {
            await run.PlayAsync(kind, metric, operations);
        }
        catch (Exception exception)
        {
            throw new InvalidOperationException(
                $"seed {seed}, operation {run.Operation}: {exception.Message}", exception);
        }
    }

    private sealed record ModelRow(float[] Vector, int Number, DateTimeOffset? ExpiresAt);

    private sealed class Run(int seed)
    {
        private readonly Random _random = new(seed);
        private readonly FakeTimeProvider _clock = new();
        private readonly Dictionary<string, ModelRow> _model = [];
        private DistanceMetric _metric;

        public int Operation { get; private set; }

        public async Task PlayAsync(IndexKind kind, DistanceMetric metric, int operations)
        {
            _metric = metric;
            await using var folder = new EngineFolder();
            folder.Engine = folder.Engine with { Time = _clock, SealAfterRows = 300 };
            await folder.CreateAsync(new VectorCollectionOptions
            {
                Dimensions = Dimensions,
                Metric = metric,
                Index = kind,
                Hnsw = new HnswOptions { EfConstruction = 40, EfSearch = 10 },
            });
            for (Operation = 0; Operation < operations; Operation++)
                await StepAsync(folder);
        }

        private async Task StepAsync(EngineFolder folder)
        {
            var collection = folder.Collection!;
            switch (_random.Next(1000))
            {
                case < 350:
                    await UpsertAsync(collection);
                    break;
                case < 450:
                    await DeleteAsync(collection);
                    break;
                case < 460:
                    var low = _random.Next(20);
                    var filter = Rows.Filter($"{{\"n\":{{\"$lt\":{low}}}}}");
                    var matching = Live().Where(row => row.Value.Number < low).Select(row => row.Key).ToList();
                    Assert.Equal(matching.Count, await collection.DeleteAsync(filter, CancellationToken.None));
                    matching.ForEach(id => _model.Remove(id));
                    break;
                case < 470:
                    _clock.Advance(TimeSpan.FromSeconds(_random.Next(20)));
                    break;
                case < 474:
                    await collection.BuildIndexAsync(null, CancellationToken.None);
                    break;
                case < 478:
                    await folder.ReopenAsync();
                    break;
                default:
                    Read(collection);
                    break;
            }
        }

        private async Task UpsertAsync(VectorCollection collection)
        {
            var rows = new List<VectorRow>();
            for (var i = 0; i <= _random.Next(6); i++)
            {
                var id = $"id{_random.Next(IdCount)}";
                var vector = _random.Next(10) == 0 && _model.Count > 0
                    ? _model.Values.First().Vector
                    : Rows.Vector(_random, Dimensions);
                var number = _random.Next(100);
                DateTimeOffset? expires = _random.Next(8) == 0
                    ? _clock.GetUtcNow().AddSeconds(_random.Next(60))
                    : null;
                rows.Add(Rows.Row(id, vector, $"{{\"n\":{number}}}") with { ExpiresAt = expires });
                _model[id] = new ModelRow(vector, number, expires);
            }

            await collection.UpsertAsync(rows, CancellationToken.None);
        }

        private async Task DeleteAsync(VectorCollection collection)
        {
            var live = Live().Select(row => row.Key).ToHashSet();
            var ids = Enumerable.Range(0, 1 + _random.Next(4)).Select(_ => $"id{_random.Next(IdCount)}").ToList();
            Assert.Equal(
                ids.Distinct().Count(live.Contains),
                await collection.DeleteAsync([.. ids.Select(id => new VectorId(id))], CancellationToken.None));
            ids.ForEach(id => _model.Remove(id));
        }

        private void Read(VectorCollection collection)
        {
            var live = Live().ToList();
            Assert.Equal(live.Count, collection.Count());
            var limit = _random.Next(-5, 110);
            var filter = _random.Next(2) == 0 ? null : Rows.Filter($"{{\"n\":{{\"$lt\":{limit}}}}}");
            var matching = filter is null ? live : live.Where(row => row.Value.Number < limit).ToList();
            Assert.Equal(matching.Count, collection.Count(filter));
            var query = Rows.Vector(_random, Dimensions);
            var k = 1 + _random.Next(12);
            var request = new SearchRequest(query, k) { Filter = filter, Exact = _random.Next(2) == 0 };
            var hits = collection.Search(request).Hits;
            Assert.Equal(Math.Min(k, matching.Count), hits.Count);
            var allowed = matching.ToDictionary(row => row.Key, row => row.Value);
            foreach (var hit in hits)
                Assert.Equal(Rows.Distance(_metric, query, allowed[hit.Id.Text].Vector), hit.Distance, 1e-4);

            if (!request.Exact)
                return;

            var expected = matching.Select(row => Rows.Distance(_metric, query, row.Value.Vector)).Order().Take(k);
            Assert.All(expected.Zip(hits), pair => Assert.Equal(pair.First, pair.Second.Distance, 1e-4));
        }

        private IEnumerable<KeyValuePair<string, ModelRow>> Live()
        {
            var now = _clock.GetUtcNow();
            return _model.Where(row => row.Value.ExpiresAt is null || row.Value.ExpiresAt > now);
        }
    }
}
