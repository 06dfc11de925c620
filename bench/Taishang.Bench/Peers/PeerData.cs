using System.Numerics.Tensors;

namespace Taishang.Bench.Peers;

/// <summary>
/// One data set as files that every peer reads, with the exact answers; made once and kept under artifacts. Under
/// cosine rows and queries have length 1, so that peers that only know products order them the same.
/// </summary>
internal sealed class PeerData
{
    public const string MadeUp = "made-up";
    private const int MadeUpRows = 5_000;
    private const int MadeUpDimensions = 96;
    private const int MadeUpCentres = 100;
    private const int FewRows = 256;
    private const int Seed = 96;
    private const int FashionRows = 60_000;

    private PeerData(string name, int queryCount)
    {
        Name = name;
        IsL2 = !name.EndsWith("cosine", StringComparison.Ordinal);
        Folder = Path.Combine(PeerProgram.WorkFolder, "data", $"{name}-{queryCount}");
    }

    public static IReadOnlyList<string> Names { get; } = ["fashion-l2", "fashion-cosine", "words-cosine", MadeUp];

    public string Name { get; }

    public bool IsL2 { get; }

    public string Folder { get; }

    public string BasePath => Path.Combine(Folder, "base.fbin");

    /// <summary>The first few rows of the base alone.</summary>
    public string FewPath => Path.Combine(Folder, "few.fbin");

    public string QueryPath => Path.Combine(Folder, "query.fbin");

    public int Rows { get; private set; }

    public int Dimensions { get; private set; }

    /// <summary>The ids of the ten nearest rows of each query.</summary>
    public int[][] Truth { get; private set; } = [];

    private string TruthPath => Path.Combine(Folder, "truth.ibin");

    public static async Task<PeerData> PrepareAsync(string name, int queryCount, CancellationToken cancellation)
    {
        var data = new PeerData(name, queryCount);
        if (!File.Exists(data.TruthPath))
            await data.MakeAsync(queryCount, cancellation);

        if (!File.Exists(data.FewPath))
            VectorFile.Write(data.FewPath, VectorFile.Read(data.BasePath)[..FewRows]);

        (data.Rows, data.Dimensions) = VectorFile.ReadShape(data.BasePath);
        data.Truth = VectorFile.ReadIds(data.TruthPath);
        return data;
    }

    /// <summary>The share of the true nearest that was found.</summary>
    public double Recall(ReadOnlySpan<int> found)
    {
        var hits = 0;
        for (var query = 0; query < Truth.Length; query++)
        {
            foreach (var id in found.Slice(query * PeersRequest.TopK, PeersRequest.TopK))
                hits += Array.IndexOf(Truth[query], id) >= 0 ? 1 : 0;
        }

        return hits / (double)(Truth.Length * PeersRequest.TopK);
    }

    private async Task MakeAsync(int queryCount, CancellationToken cancellation)
    {
        Directory.CreateDirectory(Folder);
        var (rows, queries) = Name switch
        {
            MadeUp => MakeUp(queryCount),
            "words-cosine" => WordVectors.Load(PeerProgram.WorkFolder, queryCount),
            "fashion-l2" or "fashion-cosine" => LoadFashion(queryCount),
            _ => throw new ArgumentException($"no data set {Name}; there are {string.Join(", ", Names)}"),
        };
        if (!IsL2)
        {
            Normalize(rows);
            Normalize(queries);
        }

        VectorFile.Write(BasePath, rows);
        VectorFile.Write(QueryPath, queries);
        VectorFile.Write(TruthPath, await ExactTruth.ComputeAsync(rows, queries, IsL2, cancellation));
    }

    private static void Normalize(float[][] rows)
    {
        foreach (var row in rows)
            TensorPrimitives.Divide(row, TensorPrimitives.Norm<float>(row), row);
    }

    private static (float[][] Rows, float[][] Queries) LoadFashion(int queryCount)
    {
        var data = FashionMnist.Load(FashionRows, queryCount);
        return data.IsReal
            ? (data.Rows, data.Queries)
            : throw new FileNotFoundException("Fashion-MNIST is not there: install dataset-fashion-mnist");
    }

    private static (float[][] Rows, float[][] Queries) MakeUp(int queryCount)
    {
        var random = new Random(Seed);
        float[] Vector(float[]? centre) =>
            [.. Enumerable.Range(0, MadeUpDimensions).Select(i => (centre?[i] ?? 0) + random.NextSingle())];
        var centres = Enumerable.Range(0, MadeUpCentres).Select(_ => Vector(null)).ToArray();
        float[][] Make(int count) =>
            [.. Enumerable.Range(0, count).Select(_ => Vector(centres[random.Next(MadeUpCentres)]))];
        return (Make(MadeUpRows), Make(queryCount));
    }
}
