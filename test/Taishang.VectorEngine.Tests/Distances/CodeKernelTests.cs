using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Taishang.VectorEngine.Distances;

namespace Taishang.VectorEngine.Tests.Distances;

public sealed unsafe class CodeKernelTests
{
    private const int StepsMax = 9;
    private const int RowsMax = 11;

    [Fact]
    public void Every_kernel_equals_the_plain_loop_to_the_last_bit()
    {
        var random = new Random(21);
        for (var steps = 1; steps <= StepsMax; steps++)
            CheckAll(RowsOf(random, steps, () => random.Next(128)), QueryOf(steps, () => random.Next(-127, 128)));
    }

    [Fact]
    public void The_largest_codes_do_not_saturate()
    {
        foreach (var extreme in new[] { -127, 127 })
            CheckAll(RowsOf(new Random(22), StepsMax, () => 127), QueryOf(StepsMax, () => extreme));
    }

    [Fact]
    public void What_stands_past_a_code_does_not_count_where_the_query_is_zero()
    {
        var random = new Random(23);
        var rows = RowsOf(random, 3, () => random.Next(128));
        var query = QueryOf(3, () => random.Next(-127, 128));
        query.AsSpan(70).Clear();
        var expected = Plain(rows[0], query);
        rows[0].AsSpan(70).Fill(255);

        Assert.Equal(expected, Plain(rows[0], query));
        CheckAll(rows, query);
    }

    [Fact]
    public void The_widest_kernel_of_this_machine_is_chosen()
    {
        var expected = Avx512BW.IsSupported ? "avx512bw"
            : AvxVnni.IsSupported ? "avxvnni"
            : Avx2.IsSupported ? "avx2"
            : Vector128.IsHardwareAccelerated ? "vector128" : "scalar";

        Assert.Equal(expected, CodeScorer.Best.Kernel);
    }

    private static void CheckAll(byte[][] rows, sbyte[] query)
    {
        Check<ScalarCodeKernel>(rows, query);
        Check<Vector128CodeKernel>(rows, query);
        if (Avx2.IsSupported)
            Check<Avx2CodeKernel>(rows, query);
        if (AvxVnni.IsSupported)
            Check<AvxVnniCodeKernel>(rows, query);
        if (Avx512BW.IsSupported)
            Check<Avx512CodeKernel>(rows, query);
        CheckGathered(rows, query);
    }

    private static void Check<TKernel>(byte[][] rows, sbyte[] query)
        where TKernel : struct, ICodeKernel
    {
        var sums = stackalloc int[4];
        var codes = stackalloc byte*[4];
        fixed (sbyte* q = query)
        fixed (byte* row0 = rows[0], row1 = rows[1], row2 = rows[2], row3 = rows[3])
        {
            codes[0] = row0;
            codes[1] = row1;
            codes[2] = row2;
            codes[3] = row3;
            TKernel.Dot4(codes, q, query.Length, sums);
            for (var i = 0; i < 4; i++)
            {
                Assert.Equal(Plain(rows[i], query), TKernel.Dot(codes[i], q, query.Length));
                Assert.Equal(Plain(rows[i], query), sums[i]);
            }
        }
    }

    private static void CheckGathered(byte[][] rows, sbyte[] query)
    {
        // Every remainder of four, and one address more than once.
        var codes = stackalloc byte*[RowsMax];
        for (var count = 0; count <= RowsMax; count++)
        {
            var sums = new int[RowsMax];
            fixed (sbyte* q = query)
            fixed (byte* row0 = rows[0], row1 = rows[1])
            fixed (int* s = sums)
            {
                for (var i = 0; i < count; i++)
                    codes[i] = i % 2 == 0 ? row0 : row1;
                CodeScorer.Best.Gathered(q, codes, count, query.Length, s);
            }

            for (var i = 0; i < count; i++)
                Assert.Equal(Plain(rows[i % 2], query), sums[i]);
            Assert.All(sums.Skip(count), sum => Assert.Equal(0, sum));
        }
    }

    private static int Plain(byte[] code, sbyte[] query) => code.Zip(query, (c, q) => c * q).Sum();

    private static byte[][] RowsOf(Random random, int steps, Func<int> next) =>
        [.. Enumerable.Range(0, 4 + random.Next(2)).Select(_ => Fill(steps, next).Select(v => (byte)v).ToArray())];

    private static sbyte[] QueryOf(int steps, Func<int> next) => [.. Fill(steps, next).Select(v => (sbyte)v)];

    private static int[] Fill(int steps, Func<int> next) =>
        [.. Enumerable.Range(0, steps * CodeScorer.StepBytes).Select(_ => next())];
}
