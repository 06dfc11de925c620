using System.Buffers.Binary;
using System.IO.Compression;
using System.Numerics.Tensors;

namespace Taishang.Bench;

/// <summary>
/// 60,000 training and 10,000 test images of 28 × 28 bytes, from Debian's dataset-fashion-mnist; where the package is
/// absent, clustered random vectors of the same shape, named as such in the report.
/// </summary>
internal sealed class FashionMnist
{
    public const int Dims = 784;
    private const string Folder = "/usr/share/datasets/fashion-mnist";
    private const string RealName = "fashion-mnist";
    private const int Seed = 784;

    public required string Name { get; init; }

    /// <summary>False where the package is absent.</summary>
    public bool IsReal => Name == RealName;

    public required float[][] Rows { get; init; }

    public required float[][] Queries { get; init; }

    public static FashionMnist Load(int rows, int queries)
    {
        var train = Path.Combine(Folder, "train-images-idx3-ubyte.gz");
        var test = Path.Combine(Folder, "t10k-images-idx3-ubyte.gz");
        if (!File.Exists(train)) return Synthetic(rows, queries);
        return new FashionMnist { Name = RealName, Rows = Read(train, rows), Queries = Read(test, queries) };
    }

    /// <summary>The k nearest rows of each query by Euclidean distance, by plain comparison with every row.</summary>
    public int[][] ExactNearest(int k)
    {
        var answers = new int[Queries.Length][];
        Parallel.For(0, Queries.Length, q =>
        {
            var nearest = new PriorityQueue<int, float>();
            for (var row = 0; row < Rows.Length; row++)
            {
                var distance = TensorPrimitives.Distance(Rows[row], Queries[q]);
                if (nearest.Count < k) nearest.Enqueue(row, -distance);
                else if (nearest.TryPeek(out _, out var worst) && -worst > distance)
                    nearest.EnqueueDequeue(row, -distance);
            }

            answers[q] = [.. nearest.UnorderedItems.Select(item => item.Element)];
        });
        return answers;
    }

    private static float[][] Read(string path, int count)
    {
        using var stream = new GZipStream(File.OpenRead(path), CompressionMode.Decompress);
        var header = new byte[16];
        stream.ReadExactly(header);
        count = Math.Min(count, BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(4)));
        var bytes = new byte[Dims];
        var rows = new float[count][];
        for (var row = 0; row < count; row++)
        {
            stream.ReadExactly(bytes);
            rows[row] = Array.ConvertAll(bytes, value => (float)value);
        }

        return rows;
    }

    private static FashionMnist Synthetic(int rows, int queries)
    {
        var random = new Random(Seed);
        var centres = Enumerable.Range(0, 64).Select(_ => Vector(random, null)).ToArray();
        float[][] Make(int count) =>
            [.. Enumerable.Range(0, count).Select(_ => Vector(random, centres[random.Next(64)]))];
        return new FashionMnist { Name = "synthetic 784", Rows = Make(rows), Queries = Make(queries) };
    }

    private static float[] Vector(Random random, float[]? centre)
    {
        var vector = new float[Dims];
        for (var i = 0; i < Dims; i++)
            vector[i] = (centre?[i] ?? 0) + ((float)random.NextDouble() * (centre is null ? 255 : 60));
        return vector;
    }
}
