namespace Taishang.Samples.FirstSearch;

/// <summary>
/// nDCG and recall with binary relevance (Järvelin, Kekäläinen 2002): a relevant passage at rank r, counted from 1,
/// gains 1 / log2(r + 1), divided by the gain of the best possible order.
/// </summary>
/// <param name="relevant">Relevant passages by question; questions without any are not judged.</param>
/// <param name="depth">Ranks that count.</param>
internal sealed class Judge(IReadOnlyDictionary<string, HashSet<string>> relevant, int depth)
{
    private double _ndcg;
    private double _recall;

    public int Judged { get; private set; }

    public double Ndcg => _ndcg / Judged;

    public double Recall => _recall / Judged;

    public void Add(string query, IReadOnlyList<string> found)
    {
        if (!relevant.TryGetValue(query, out var wanted)) return;
        Judged++;
        var gain = 0.0;
        var hits = 0;
        for (var rank = 1; rank <= Math.Min(depth, found.Count); rank++)
        {
            if (!wanted.Contains(found[rank - 1])) continue;
            hits++;
            gain += 1 / Math.Log2(rank + 1);
        }

        var best = Enumerable.Range(1, Math.Min(depth, wanted.Count)).Sum(rank => 1 / Math.Log2(rank + 1));
        _ndcg += gain / best;
        _recall += (double)hits / wanted.Count;
    }
}
