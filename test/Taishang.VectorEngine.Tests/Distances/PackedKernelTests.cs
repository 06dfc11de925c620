using System.Runtime.Intrinsics.X86;
using Taishang.VectorEngine.Distances;
using Taishang.VectorEngine.Quantization;

namespace Taishang.VectorEngine.Tests.Distances;

/// <summary>Kernels of codes that hold several components in a byte.</summary>
public sealed unsafe class PackedKernelTests
{
    private const int DimensionsMax = 400;
    private const int Gathered = 7;

    [Fact]
    public void Every_kernel_of_nibbles_equals_the_plain_loop_to_the_last_bit()
    {
        foreach (var extreme in new[] { false, true })
        {
            for (var dimensions = 1; dimensions <= DimensionsMax; dimensions += 3)
            {
                var (codes, query, expected) = Make(CodeForm.Four, dimensions, 15, extreme);
                Check<ScalarNibbleKernel>(CodeForm.Four, dimensions, codes, query, expected);
                Check<Vector128NibbleKernel>(CodeForm.Four, dimensions, codes, query, expected);
                if (Avx2.IsSupported)
                    Check<Avx2NibbleKernel>(CodeForm.Four, dimensions, codes, query, expected);
                if (Avx512BW.IsSupported)
                    Check<Avx512NibbleKernel>(CodeForm.Four, dimensions, codes, query, expected);
                CheckChosen(CodeForm.Four, dimensions, codes, query, expected);
            }
        }
    }

    [Fact]
    public void Every_kernel_of_signs_equals_the_plain_loop_to_the_last_bit()
    {
        foreach (var extreme in new[] { false, true })
        {
            for (var dimensions = 1; dimensions <= DimensionsMax; dimensions += 3)
            {
                var (codes, query, expected) = Make(CodeForm.One, dimensions, 1, extreme);
                Check<ScalarSignKernel>(CodeForm.One, dimensions, codes, query, expected);
                Check<Vector128SignKernel>(CodeForm.One, dimensions, codes, query, expected);
                if (Avx2.IsSupported)
                    Check<Avx2SignKernel>(CodeForm.One, dimensions, codes, query, expected);
                CheckChosen(CodeForm.One, dimensions, codes, query, expected);
            }
        }
    }

    /// <summary>Codes with garbage past their end, as in a block of a graph; products by the plain levels.</summary>
    private static (byte[][] Codes, sbyte[] Query, int[] Expected) Make(
        CodeForm form, int dimensions, int levelMax, bool extreme)
    {
        var random = new Random(31 + dimensions);
        var query = new sbyte[CodeLayout.QueryBytes(form, dimensions)];
        for (var i = 0; i < dimensions; i++)
            query[Place(form, i)] = (sbyte)(extreme ? -127 : random.Next(-127, 128));
        var codes = new byte[Gathered][];
        var expected = new int[Gathered];
        for (var row = 0; row < Gathered; row++)
        {
            codes[row] = new byte[CodeLayout.KernelBytes(form, dimensions)];
            random.NextBytes(codes[row].AsSpan(CodeLayout.CodeBytes(form, dimensions)));
            for (var i = 0; i < dimensions; i++)
            {
                var level = extreme ? levelMax : random.Next(levelMax + 1);
                expected[row] += level * query[Place(form, i)];
                var (at, shift) = form == CodeForm.Four ? CodeLayout.Nibble(i) : (i >> 3, i & 7);
                codes[row][at] |= (byte)(level << shift);
            }
        }

        return (codes, query, expected);
    }

    private static int Place(CodeForm form, int component) =>
        form == CodeForm.Four ? CodeLayout.NibbleInQuery(component) : component;

    private static void Check<TKernel>(
        CodeForm form, int dimensions, byte[][] codes, sbyte[] query, int[] expected)
        where TKernel : struct, ICodeKernel
    {
        var bytes = CodeLayout.KernelBytes(form, dimensions);
        var sums = stackalloc int[4];
        var addresses = stackalloc byte*[4];
        fixed (sbyte* q = query)
        fixed (byte* row0 = codes[0], row1 = codes[1], row2 = codes[2], row3 = codes[3])
        {
            addresses[0] = row0;
            addresses[1] = row1;
            addresses[2] = row2;
            addresses[3] = row3;
            TKernel.Dot4(addresses, q, bytes, sums);
            for (var i = 0; i < 4; i++)
            {
                Assert.Equal(expected[i], sums[i]);
                Assert.Equal(expected[i], TKernel.Dot(addresses[i], q, bytes));
            }
        }
    }

    private static void CheckChosen(CodeForm form, int dimensions, byte[][] codes, sbyte[] query, int[] expected)
    {
        var scorer = CodeScorer.For(form);
        var sums = stackalloc int[Gathered];
        var addresses = stackalloc byte*[Gathered];
        var handles = codes.Select(code => new Memory<byte>(code).Pin()).ToArray();
        fixed (sbyte* q = query)
        {
            for (var i = 0; i < Gathered; i++)
                addresses[i] = (byte*)handles[i].Pointer;
            scorer.Gathered(q, addresses, Gathered, CodeLayout.KernelBytes(form, dimensions), sums);
        }

        foreach (var handle in handles)
            handle.Dispose();
        for (var i = 0; i < Gathered; i++)
            Assert.Equal(expected[i], sums[i]);
    }
}
