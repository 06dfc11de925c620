using System.Text;
using Taishang.VectorEngine.Filtering;

namespace Taishang.VectorEngine.Tests;

/// <summary>Rows, vectors and filters for tests, always from a seed.</summary>
internal static class Rows
{
    public static float[] Vector(Random random, int dimensions)
    {
        var vector = new float[dimensions];
        for (var i = 0; i < dimensions; i++)
        {
            var radius = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble()));
            vector[i] = (float)(radius * Math.Cos(2 * Math.PI * random.NextDouble()));
        }

        return vector;
    }

    public static float[][] Vectors(int seed, int count, int dimensions)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => Vector(random, dimensions))];
    }

    /// <summary>Vectors around a few centres, as embeddings lie; plain noise has no neighbourhoods.</summary>
    public static float[][] Clustered(int seed, int count, int dimensions, int clusters)
    {
        var random = new Random(seed);
        var centres = Enumerable.Range(0, clusters).Select(_ => Vector(random, dimensions)).ToArray();
        return
        [
            .. Enumerable.Range(0, count).Select(_ =>
            {
                var centre = centres[random.Next(clusters)];
                var noise = Vector(random, dimensions);
                return centre.Zip(noise, (c, n) => c + 0.4f * n).ToArray();
            }),
        ];
    }

    public static VectorRow Row(string id, float[] vector, string metadata = "") =>
        new(new VectorId(id), vector, Encoding.UTF8.GetBytes(metadata));

    public static List<VectorRow> Numbered(float[][] vectors, Func<int, string>? metadata = null) =>
        [.. vectors.Select((vector, i) => Row($"r{i:D6}", vector, metadata?.Invoke(i) ?? ""))];

    public static MetadataFilter Filter(string json) => MetadataFilter.Parse(Encoding.UTF8.GetBytes(json));

    public static string[] Ids(this SearchAnswer answer) => [.. answer.Hits.Select(hit => hit.Id.Text)];

    public static async Task UpsertAllAsync(this IVectorCollection collection, IReadOnlyList<VectorRow> rows)
    {
        for (var i = 0; i < rows.Count; i += 1000)
            await collection.UpsertAsync([.. rows.Skip(i).Take(1000)], CancellationToken.None);
    }

    /// <summary>The share of exact answers that a search finds.</summary>
    public static double Recall(
        IVectorCollection collection, float[][] queries, int k, int ef, MetadataFilter? filter = null)
    {
        double found = 0;
        double wanted = 0;
        foreach (var query in queries)
        {
            var request = new SearchRequest(query, k) { EfSearch = ef, Filter = filter };
            var exact = collection.Search(request with { Exact = true }).Ids();
            found += collection.Search(request).Ids().Intersect(exact).Count();
            wanted += exact.Length;
        }

        return found / wanted;
    }

    /// <summary>The distance of the API, summed in double.</summary>
    public static double Distance(DistanceMetric metric, float[] left, float[] right)
    {
        double dot = 0, leftSquared = 0, rightSquared = 0, difference = 0;
        for (var i = 0; i < left.Length; i++)
        {
            dot += (double)left[i] * right[i];
            leftSquared += (double)left[i] * left[i];
            rightSquared += (double)right[i] * right[i];
            difference += Math.Pow((double)left[i] - right[i], 2);
        }

        return metric switch
        {
            DistanceMetric.L2 => Math.Sqrt(difference),
            DistanceMetric.Cosine => 1 - dot / Math.Sqrt(leftSquared * rightSquared),
            _ => -dot,
        };
    }
}
