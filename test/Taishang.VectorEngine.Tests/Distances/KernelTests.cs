using System.Runtime.Intrinsics;
using Taishang.VectorEngine.Distances;

namespace Taishang.VectorEngine.Tests.Distances;

public sealed unsafe class KernelTests
{
    private const int LengthsAbove = 4 * 16 + 3;

    [Fact]
    public void Every_kernel_equals_the_plain_loop_for_every_length()
    {
        var random = new Random(11);
        for (var length = 0; length <= LengthsAbove; length++)
        {
            var left = Rows.Vector(random, length);
            var right = Rows.Vector(random, length);
            CheckAll(left, right, 1e-5);
        }
    }

    [Fact]
    public void A_long_vector_stays_within_rounding()
    {
        var random = new Random(12);
        foreach (var length in new[] { 100, 384, 768, 784, 1024, 1536, 4097, Limits.DimensionsMax })
            CheckAll(Rows.Vector(random, length), Rows.Vector(random, length), 1e-4);
    }

    [Fact]
    public void Hostile_floats_give_the_same_kind_of_answer()
    {
        float[] hostile =
        [
            0f, -0f, float.Epsilon, -float.Epsilon, 1e-38f, 1e-20f, 3.4e38f, -3.4e38f, 1e19f, -1e19f,
            float.NaN, float.PositiveInfinity, float.NegativeInfinity, 1f, -1f,
        ];
        var random = new Random(13);
        for (var length = 1; length <= LengthsAbove; length++)
        {
            foreach (var value in hostile)
            {
                // One hostile value at a time, and a positive remainder: then the order of summation cannot matter.
                var left = Enumerable.Repeat(1f, length).ToArray();
                var right = Enumerable.Repeat(1f, length).ToArray();
                left[random.Next(length)] = value;
                CheckAll(left, right, 1e-5);
            }
        }
    }

    [Fact]
    public void Nothing_past_the_length_is_read()
    {
        var random = new Random(14);
        for (var length = 0; length <= LengthsAbove; length++)
        {
            var left = Rows.Vector(random, length).Concat(Enumerable.Repeat(float.NaN, 64)).ToArray();
            var right = Rows.Vector(random, length).Concat(Enumerable.Repeat(float.NaN, 64)).ToArray();
            fixed (float* l = left, r = right)
            {
                Assert.False(float.IsNaN(Vector512Kernel.Dot<NoReadAhead>(l, r, length)));
                Assert.False(float.IsNaN(Vector256Kernel.SquaredL2<NoReadAhead>(l, r, length)));
                Assert.False(float.IsNaN(Vector128Kernel.Dot<NoReadAhead>(l, r, length)));
                Assert.False(float.IsNaN(Vector512Kernel.SquaredL2<NoReadAhead>(l, r, length)));
            }
        }
    }

    [Theory]
    [InlineData(DistanceMetric.L2)]
    [InlineData(DistanceMetric.Cosine)]
    public void Rows_behind_each_other_sum_to_the_same_bits_as_each_pair_alone(DistanceMetric metric)
    {
        const int Count = 5;
        var random = new Random(15);
        var scorer = DistanceScorer.For(metric);
        var sums = stackalloc float[Count];
        for (var length = 1; length <= LengthsAbove; length++)
        {
            var query = Rows.Vector(random, length);
            var rows = Rows.Vector(random, Count * length);
            fixed (float* q = query, r = rows)
            {
                scorer.Run(q, r, Count, length, sums);
                for (var i = 0; i < Count; i++)
                    Assert.Equal(scorer.Pair(q, r + i * length, length), sums[i]);
            }
        }
    }

    [Fact]
    public void The_widest_kernel_of_this_machine_is_chosen()
    {
        var expected = Vector512.IsHardwareAccelerated ? "vector512"
            : Vector256.IsHardwareAccelerated ? "vector256"
            : Vector128.IsHardwareAccelerated ? "vector128" : "scalar";

        Assert.Equal(expected, DistanceScorer.For(DistanceMetric.L2).Kernel);
    }

    private static void CheckAll(float[] left, float[] right, double tolerance)
    {
        fixed (float* l = left, r = right)
        {
            var dot = ScalarKernel.Dot<NoReadAhead>(l, r, left.Length);
            var squared = ScalarKernel.SquaredL2<NoReadAhead>(l, r, left.Length);
            var scale = left.Zip(right, (a, b) => Math.Abs((double)a * b)).Sum();
            Check(dot, Vector512Kernel.Dot<NoReadAhead>(l, r, left.Length), scale * tolerance);
            Check(dot, Vector256Kernel.Dot<NoReadAhead>(l, r, left.Length), scale * tolerance);
            Check(dot, Vector128Kernel.Dot<NoReadAhead>(l, r, left.Length), scale * tolerance);
            Check(squared, Vector512Kernel.SquaredL2<NoReadAhead>(l, r, left.Length), squared * tolerance);
            Check(squared, Vector256Kernel.SquaredL2<NoReadAhead>(l, r, left.Length), squared * tolerance);
            Check(squared, Vector128Kernel.SquaredL2<NoReadAhead>(l, r, left.Length), squared * tolerance);
        }
    }

    private static void Check(float expected, float actual, double tolerance)
    {
        if (float.IsFinite(expected) && double.IsFinite(tolerance))
            Assert.True(Math.Abs((double)expected - actual) <= tolerance, $"expected {expected}, got {actual}");
        else
            Assert.Equal(expected, actual);
    }
}
