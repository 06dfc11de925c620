using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes.Ivf;

/// <summary>
/// Divides rows into lists: middles from a sample, then every row to the nearest one, then lists that came out far too
/// long are divided again, so that no search pays for one of them. Rows that are all equal can not be told apart by any
/// middle; their list is cut into pieces that share one.
/// </summary>
internal static class IvfTrainer
{
    /// <summary>Rows of the sample for each list.</summary>
    private const int SampleRowsPerList = 24;

    /// <summary>Lists longer than so many times the mean are divided.</summary>
    private const int LongShare = 6;

    /// <summary>Lists below this length stay whole, whatever the mean.</summary>
    private const int LongRowsMin = 64;

    private const int DivideRounds = 3;

    /// <summary>Share of the work that is the assignment of all rows, for the progress; the rest trains.</summary>
    public static long WorkOf(int rows, int lists) =>
        rows + (long)KMeans.RoundsMax * Math.Min(rows, lists * (long)SampleRowsPerList);

    /// <summary>Middles and the list of each of the first rows.</summary>
    public static async Task<IvfDivision> TrainAsync(IvfWork work, int rows, int lists)
    {
        var sample = RowChoice.Spread(rows, (int)Math.Min(rows, lists * (long)SampleRowsPerList));
        var centroids = await KMeans.RunAsync(work, sample, lists, new int[sample.Count], KMeans.RoundsMax);
        try
        {
            var assigned = new int[rows];
            await work.AssignAsync(centroids, RowChoice.Range(0, rows), assigned);
            return await DivideLongAsync(work, new IvfDivision(centroids, assigned));
        }
        catch
        {
            centroids.Dispose();
            throw;
        }
    }

    private static async Task<IvfDivision> DivideLongAsync(IvfWork work, IvfDivision division)
    {
        var lists = division.Centroids.Count;
        var sizes = division.Sizes();
        var most = Math.Max(LongRowsMin, (int)Math.Min(int.MaxValue, (long)division.Lists.Length * LongShare / lists));
        var middles = new List<float[]>();
        for (var list = 0; list < lists; list++)
        {
            if (sizes[list] > most)
                await DivideAsync(work, division, list, (sizes[list], most), middles);
        }

        return middles.Count == 0 ? division : division.With(work.Rows, middles);
    }

    /// <summary>The rows of the first part keep the list's number, those of the others get new ones.</summary>
    private static async Task DivideAsync(
        IvfWork work, IvfDivision division, int list, (int Rows, int Most) size, List<float[]> middles)
    {
        var members = new int[size.Rows];
        var count = 0;
        for (var row = 0; row < division.Lists.Length; row++)
        {
            if (division.Lists[row] == list)
                members[count++] = row;
        }

        var parts = new int[members.Length];
        using var centroids = await KMeans.RunAsync(
            work, RowChoice.Of(members), 2 * size.Rows / size.Most + 1, parts, DivideRounds);
        var numbers = new int[centroids.Count];
        var used = new int[centroids.Count];
        Array.Fill(numbers, -1);
        var isFirst = true;
        for (var i = 0; i < members.Length; i++)
        {
            var part = parts[i];
            if (numbers[part] < 0 || used[part] == size.Most)
            {
                used[part] = 0;
                numbers[part] = NumberOf(division, list, centroids.Span(part), ref isFirst, middles);
            }

            used[part]++;
            division.Lists[members[i]] = numbers[part];
        }
    }

    private static int NumberOf(
        IvfDivision division, int list, ReadOnlySpan<float> middle, ref bool isFirst, List<float[]> middles)
    {
        if (isFirst)
        {
            isFirst = false;
            middle.CopyTo(division.Centroids.Span(list));
            return list;
        }

        middles.Add(middle.ToArray());
        return division.Centroids.Count + middles.Count - 1;
    }
}

/// <summary>Middles and the list of each row, from row 0 on.</summary>
internal sealed record IvfDivision(IvfCentroids Centroids, int[] Lists)
{
    public int[] Sizes()
    {
        var sizes = new int[Centroids.Count];
        foreach (var list in Lists)
            sizes[list]++;
        return sizes;
    }

    /// <summary>The same with more middles behind those there are.</summary>
    public IvfDivision With(RowTable rows, List<float[]> middles)
    {
        var centroids = new IvfCentroids(rows, Centroids.Count + middles.Count);
        for (var list = 0; list < Centroids.Count; list++)
            Centroids.Span(list).CopyTo(centroids.Span(list));
        for (var i = 0; i < middles.Count; i++)
            middles[i].CopyTo(centroids.Span(Centroids.Count + i));
        Centroids.Dispose();
        return new IvfDivision(centroids, Lists);
    }
}
