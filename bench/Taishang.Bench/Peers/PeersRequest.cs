namespace Taishang.Bench.Peers;

/// <summary>What a run of the comparison does.</summary>
/// <param name="DataSets">Names of data sets, in order.</param>
/// <param name="Queries">Queries of each, at most 10,000.</param>
/// <param name="Rounds">Rounds in which every peer is measured once at every width.</param>
/// <param name="Seconds">Length of one measurement, about.</param>
/// <param name="BuildThreads">Threads of builds; the index of the last build is the one searched.</param>
/// <param name="Peers">Libraries to measure; empty for all.</param>
/// <param name="Reuse">Takes indexes and build seconds from an earlier run where it left them.</param>
/// <param name="BuildOnly">Builds and saves, for a later run that reuses.</param>
/// <param name="KeepFolder">Where figures and plots are kept; null keeps none.</param>
internal sealed record PeersRequest(
    IReadOnlyList<string> DataSets,
    int Queries,
    int Rounds,
    double Seconds,
    IReadOnlyList<int> BuildThreads,
    IReadOnlyList<string> Peers,
    bool Reuse,
    bool BuildOnly,
    string? KeepFolder)
{
    /// <summary>The graph's parameters, the same for all.</summary>
    public const int Connectivity = 16;

    public const int EfConstruction = 200;

    public const int TopK = 10;

    /// <summary>Recalls at which peers are compared.</summary>
    public static IReadOnlyList<double> Recalls { get; } = [0.95, 0.99];

    public static IReadOnlyList<int> SearchThreads { get; } = [1, 2];

    /// <summary>Widths (ef) that are tried, each about 1.4 times the one before.</summary>
    public static IReadOnlyList<int> Widths { get; } =
        [10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320, 448, 640, 896, 1_280, 1_792];

    /// <summary>Small and made up: shows that the comparison runs.</summary>
    public static PeersRequest Quick { get; } =
        new([PeerData.MadeUp], 200, 2, 0.05, [2], [], Reuse: false, BuildOnly: false, null);
}
