namespace Taishang.VectorEngine.Indexes.Hnsw;

/// <summary>
/// What scans and filtered walks cost, in the time of one bridge crossed (its links fetched, each asked whether it is
/// accepted; about 110 ns). Measured at 60,000 rows of 784 dimensions on a machine under load, by `bench filters`; only
/// the proportions matter.
/// </summary>
internal readonly struct HnswCosts
{
    private const double LinksNs = 110;

    /// <summary>A row's floats or a node's code, anywhere in memory: getting there, and each byte of it.</summary>
    private const double RowNs = 35;

    private const double ByteNs = 1.0 / 12;

    /// <summary>
    /// A walk may cost so many times a scan and no more: a scan that is hardly slower is taken, because it is exact.
    /// </summary>
    private const double ExactIsWorth = 1.5;

    private readonly double _row;
    private readonly double _node;

    /// <param name="rowBytes">Of the floats that a scan reads.</param>
    /// <param name="nodeBytes">Of what a walk compares.</param>
    public HnswCosts(int rowBytes, int nodeBytes)
    {
        _row = (RowNs + rowBytes * ByteNs) / LinksNs;
        _node = (RowNs + nodeBytes * ByteNs) / LinksNs;
    }

    public double Scan(long rows) => rows * _row;

    /// <summary>The price of scored nodes in bridges.</summary>
    public double Nodes(int count) => count * _node;

    public bool ScanIsCheaper(long matching, double share, double width) =>
        Scan(matching) <= ExactIsWorth * Walk(share, width);

    /// <summary>
    /// A walk of some width where a share of the nodes is accepted. The fewer they are, the fewer are met and scored
    /// around the query, and the more bridges lead to them: measured, and fitted by the simplest curves.
    /// </summary>
    private double Walk(double share, double width)
    {
        var bridges = share < HnswWalker.FewShare ? 5 / Math.Sqrt(share) : 8 * (1 - share) * (1 - share);
        var nodes = Math.Min(8, 16 * Math.Sqrt(share));
        return width * (bridges + nodes * _node);
    }
}
