using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes.Ivf;

/// <summary>
/// Finds the lists of rows on several threads of its own: a build must not occupy the pool that requests run on. Which
/// list a row gets does not depend on the threads.
/// </summary>
/// <param name="rows">The table.</param>
/// <param name="threads">Threads to use.</param>
/// <param name="told">Told rows as they are compared with all middles, from any thread.</param>
/// <param name="cancellation">Stops between blocks of rows.</param>
internal sealed class IvfWork(
    RowTable rows, int threads, Action<int>? told, CancellationToken cancellation)
{
    private const int BlockRows = 64;

    public RowTable Rows { get; } = rows;

    public CancellationToken Cancellation { get; } = cancellation;

    /// <summary>Writes the list of each row chosen; returns how many changed.</summary>
    public async Task<int> AssignAsync(IvfCentroids centroids, RowChoice choice, int[] lists)
    {
        var next = 0;
        var changed = 0;
        var workers = new Task[Math.Clamp(choice.Count / BlockRows, 1, threads)];
        for (var i = 0; i < workers.Length; i++)
        {
            workers[i] = BackgroundThreads.Start(Work());
        }

        await Task.WhenAll(workers);
        Cancellation.ThrowIfCancellationRequested();
        return changed;

        IEnumerable<Pause> Work()
        {
            using var sums = new NativeBlock((nuint)centroids.Count * sizeof(float), hugePages: false);
            while (!Cancellation.IsCancellationRequested)
            {
                var start = Interlocked.Add(ref next, BlockRows) - BlockRows;
                if (start >= choice.Count)
                    yield break;

                var end = Math.Min(start + BlockRows, choice.Count);
                Interlocked.Add(ref changed, AssignBlock(centroids, choice, (start, end), lists, sums));
                told?.Invoke(end - start);
                yield return default;
            }
        }
    }

    private unsafe int AssignBlock(
        IvfCentroids centroids, RowChoice choice, (int Start, int End) block, int[] lists, NativeBlock sums)
    {
        var changed = 0;
        for (var i = block.Start; i < block.End; i++)
        {
            var list = centroids.Nearest(Rows.Vector(choice[i]), (float*)sums.Pointer);
            if (lists[i] != list)
                changed++;
            lists[i] = list;
        }

        return changed;
    }
}

/// <summary>Rows of a table: some in a given order, or all of a range.</summary>
internal readonly struct RowChoice
{
    private readonly int[]? _chosen;
    private readonly int _start;

    private RowChoice(int[]? chosen, int start, int count) => (_chosen, _start, Count) = (chosen, start, count);

    public int Count { get; }

    public int this[int i] => _chosen is null ? _start + i : _chosen[i];

    public static RowChoice Of(int[] rows) => new(rows, 0, rows.Length);

    public static RowChoice Range(int start, int end) => new(null, start, end - start);

    /// <summary>Rows spread evenly over the first ones: without chance, so that a build repeated gives the same.
    /// </summary>
    public static RowChoice Spread(int rows, int most)
    {
        if (rows <= most)
            return Range(0, rows);

        var spread = new int[most];
        for (var i = 0; i < most; i++)
            spread[i] = (int)((long)i * rows / most);
        return Of(spread);
    }
}
