using Taishang.Core.Vectors;

namespace Taishang.Core.Tests.Vectors;

/// <summary>The measures against numbers that were worked out by hand.</summary>
public sealed class RankingMeasuresTests
{
    private static readonly Dictionary<string, double> Grades = new() { ["a"] = 3, ["b"] = 2, ["c"] = 1, ["d"] = 0 };

    /// <summary>
    /// 2/log2(2) + 0 + 3/log2(4) + 1/log2(5) = 2 + 1.5 + 0.430677 over 3 + 2/log2(3) + 1/log2(4) = 4.761860.
    /// </summary>
    [Fact]
    public void Ndcg_discounts_linear_gains_by_the_logarithm_of_the_rank() =>
        Assert.Equal(0.825450, RankingMeasures.Ndcg(["b", "x", "a", "c"], Grades, 10), 6);

    /// <summary>Of the first two: 2 over 3 + 2/log2(3) = 4.261860.</summary>
    [Fact]
    public void Ndcg_at_k_cuts_the_list_and_the_ideal() =>
        Assert.Equal(0.469279, RankingMeasures.Ndcg(["b", "x", "a", "c"], Grades, 2), 6);

    [Fact]
    public void The_best_order_has_an_ndcg_of_one_and_nothing_relevant_one_of_zero()
    {
        Assert.Equal(1, RankingMeasures.Ndcg(["a", "b", "c", "d"], Grades, 10), 12);
        Assert.Equal(0, RankingMeasures.Ndcg(["d", "x"], Grades, 10));
        Assert.Equal(0, RankingMeasures.Ndcg(["a"], new Dictionary<string, double> { ["a"] = 0 }, 10));
        Assert.Equal(0, RankingMeasures.Ndcg([], Grades, 10));
    }

    [Theory]
    [InlineData(1, 1 / 3.0)]
    [InlineData(2, 1 / 3.0)]
    [InlineData(3, 2 / 3.0)]
    [InlineData(10, 1)]
    public void Recall_counts_those_graded_above_zero_over_all_that_are(int k, double expected) =>
        Assert.Equal(expected, RankingMeasures.Recall(["b", "d", "a", "c"], Grades, k), 12);

    [Theory]
    [InlineData(10, 1 / 3.0)]
    [InlineData(2, 0)]
    public void The_reciprocal_rank_is_that_of_the_first_relevant_within_k(int k, double expected) =>
        Assert.Equal(expected, RankingMeasures.ReciprocalRank(["x", "d", "c", "a"], Grades, k), 12);

    [Fact]
    public void A_hit_as_near_as_the_last_exact_one_counts_whatever_its_id()
    {
        (string, float)[] exact = [("a", 1), ("b", 2), ("c", 2)];
        Assert.Equal(2 / 3.0, RankingMeasures.IndexRecall([("a", 1), ("e", 2), ("f", 3)], exact), 12);
        Assert.Equal(1 / 3.0, RankingMeasures.IndexRecall([("b", 2)], exact), 12);
        Assert.Equal(1, RankingMeasures.IndexRecall([], []));
    }

    /// <summary>Nearest rank: the smallest value that so many of all do not pass.</summary>
    [Theory]
    [InlineData(0.50, 20)]
    [InlineData(0.95, 50)]
    [InlineData(0.20, 10)]
    [InlineData(0.21, 15)]
    public void A_percentile_is_a_value_of_the_list(double share, double expected) =>
        Assert.Equal(expected, RankingMeasures.Percentile([10, 15, 20, 40, 50], share));
}
