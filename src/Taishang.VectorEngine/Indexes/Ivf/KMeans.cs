using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes.Ivf;

/// <summary>
/// Lloyd's iteration from rows drawn with a fixed seed. A middle that lost all its rows begins again at a row of the
/// largest list. Sums are made on one thread in the order of rows, so that threads do not change the result.
/// </summary>
internal static class KMeans
{
    /// <summary>The gain of further rounds on real data is below what lists of a few rows more or less cost.</summary>
    public const int RoundsMax = 8;

    /// <summary>Rows that still change their list, as a share, below which it is over.</summary>
    private const double SettledShare = 0.01;

    private const int Seed = 20_161;

    /// <summary>The middles of so many lists, and the list of each row in <paramref name="lists"/>.</summary>
    public static async Task<IvfCentroids> RunAsync(
        IvfWork work, RowChoice choice, int count, int[] lists, int roundsMax)
    {
        var centroids = new IvfCentroids(work.Rows, count);
        try
        {
            var random = new Random(Seed);
            Draw(work.Rows, choice, centroids, random);
            Array.Fill(lists, -1);
            for (var round = 0; round < roundsMax; round++)
            {
                var changed = await work.AssignAsync(centroids, choice, lists);
                if (changed <= choice.Count * SettledShare)
                    break;

                Move(work.Rows, choice, centroids, lists, random);
            }

            return centroids;
        }
        catch
        {
            centroids.Dispose();
            throw;
        }
    }

    /// <summary>Different rows, each as likely as any other.</summary>
    private static void Draw(RowTable rows, RowChoice choice, IvfCentroids centroids, Random random)
    {
        // The selection of Knuth's algorithm S: one pass, in order, no list of what was drawn.
        var list = 0;
        for (var i = 0; i < choice.Count && list < centroids.Count; i++)
        {
            if (random.Next(choice.Count - i) < centroids.Count - list)
                Put(rows, choice[i], centroids, list++);
        }
    }

    private static unsafe void Put(RowTable rows, int row, IvfCentroids centroids, int list)
    {
        new ReadOnlySpan<float>(rows.Vector(row), rows.PaddedDimensions).CopyTo(centroids.Span(list));
        centroids.Normalize(list);
    }

    private static void Move(RowTable rows, RowChoice choice, IvfCentroids centroids, int[] lists, Random random)
    {
        var sizes = new int[centroids.Count];
        var sums = new double[centroids.Count * (long)rows.Dimensions];
        for (var i = 0; i < choice.Count; i++)
        {
            var row = choice[i];
            var list = lists[i];
            sizes[list]++;
            var scale = rows.Metric == DistanceMetric.Cosine ? rows.Scale(row) : 1f;
            var sum = sums.AsSpan((int)((long)list * rows.Dimensions), rows.Dimensions);
            var vector = rows.VectorSpan(row);
            for (var d = 0; d < vector.Length; d++)
                sum[d] += vector[d] * scale;
        }

        for (var list = 0; list < centroids.Count; list++)
        {
            if (sizes[list] == 0)
            {
                Restart(rows, choice, centroids, (list, sizes, lists), random);
                continue;
            }

            var sum = sums.AsSpan((int)((long)list * rows.Dimensions), rows.Dimensions);
            var middle = centroids.Span(list);
            for (var d = 0; d < sum.Length; d++)
                middle[d] = (float)(sum[d] / sizes[list]);
            centroids.Normalize(list);
        }
    }

    private static void Restart(
        RowTable rows, RowChoice choice, IvfCentroids centroids, (int Empty, int[] Sizes, int[] Lists) state,
        Random random)
    {
        var largest = Array.IndexOf(state.Sizes, state.Sizes.Max());
        var at = random.Next(choice.Count);
        while (state.Lists[at] != largest)
            at = (at + 1) % choice.Count;
        Put(rows, choice[at], centroids, state.Empty);

        // Halved in the count, so that the next empty list looks elsewhere.
        state.Sizes[largest] /= 2;
    }
}
