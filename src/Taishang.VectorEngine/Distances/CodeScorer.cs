using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Taishang.VectorEngine.Distances;

/// <summary>
/// The code kernel of this machine, chosen once. Calls go through function pointers: one a pair, or one a batch of
/// gathered codes, where the codes to come are fetched into the cache while four present ones are summed.
/// </summary>
internal sealed unsafe class CodeScorer
{
    /// <summary>Bytes that every kernel reads at once; codes are padded to a multiple of it.</summary>
    public const int StepBytes = 32;

    private const int CacheLineBytes = 64;
    private const int RowsAtOnce = 4;

    /// <summary>Codes that are on their way to the cache while present ones are summed.</summary>
    private const int RowsAhead = 16;

    /// <summary>Lines asked for of one code, all but of the longest.</summary>
    private const int LinesAheadMax = 32;

    private readonly delegate*<byte*, sbyte*, nint, int> _pair;
    private readonly delegate*<sbyte*, byte**, int, nint, int*, void> _gathered;

    private CodeScorer(
        string kernel,
        delegate*<byte*, sbyte*, nint, int> pair,
        delegate*<sbyte*, byte**, int, nint, int*, void> gathered)
    {
        Kernel = kernel;
        _pair = pair;
        _gathered = gathered;
    }

    /// <summary>The widest kernel that this machine has.</summary>
    public static CodeScorer Best { get; } = Choose();

    /// <summary>The same for codes of four bits.</summary>
    private static CodeScorer Nibbles { get; } = ChooseNibbles();

    /// <summary>The same for codes of one bit.</summary>
    private static CodeScorer Signs { get; } = ChooseSigns();

    /// <summary>The widest kernel that this machine has for a form of codes.</summary>
    public static CodeScorer For(CodeForm form) => form switch
    {
        CodeForm.Seven => Best,
        CodeForm.Four => Nibbles,
        _ => Signs,
    };

    /// <summary>The name of the instruction set in use, for descriptions and benchmarks.</summary>
    public string Kernel { get; }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Pair(byte* code, sbyte* query, nint bytes) => _pair(code, query, bytes);

    /// <summary>The products of one query with codes gathered from anywhere.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Gathered(sbyte* query, byte** codes, int count, nint bytes, int* sums) =>
        _gathered(query, codes, count, bytes, sums);

    /// <summary>The sum of the squared codes.</summary>
    public static int SquaredLength(byte* code, int bytes)
    {
        // Codes have seven bits, so a code is its own signed form; the kernels want whole steps.
        var whole = bytes / StepBytes * StepBytes;
        var sum = whole > 0 ? Best.Pair(code, (sbyte*)code, whole) : 0;
        for (var i = whole; i < bytes; i++)
            sum += code[i] * code[i];
        return sum;
    }

    private static CodeScorer Choose()
    {
        if (Avx512BW.IsSupported)
            return Make<Avx512CodeKernel>("avx512bw");
        if (AvxVnni.IsSupported)
            return Make<AvxVnniCodeKernel>("avxvnni");
        if (Avx2.IsSupported)
            return Make<Avx2CodeKernel>("avx2");
        return Vector128.IsHardwareAccelerated
            ? Make<Vector128CodeKernel>("vector128")
            : Make<ScalarCodeKernel>("scalar");
    }

    private static CodeScorer ChooseNibbles()
    {
        if (Avx512BW.IsSupported)
            return Make<Avx512NibbleKernel>("avx512bw");
        if (Avx2.IsSupported)
            return Make<Avx2NibbleKernel>("avx2");
        return Vector128.IsHardwareAccelerated
            ? Make<Vector128NibbleKernel>("vector128")
            : Make<ScalarNibbleKernel>("scalar");
    }

    private static CodeScorer ChooseSigns()
    {
        if (Avx2.IsSupported)
            return Make<Avx2SignKernel>("avx2");
        return Vector128.IsHardwareAccelerated
            ? Make<Vector128SignKernel>("vector128")
            : Make<ScalarSignKernel>("scalar");
    }

    private static CodeScorer Make<TKernel>(string name)
        where TKernel : struct, ICodeKernel => new(name, &Pair<TKernel>, &Gather<TKernel>);

    private static int Pair<TKernel>(byte* code, sbyte* query, nint bytes)
        where TKernel : struct, ICodeKernel => TKernel.Dot(code, query, bytes);

    private static void Gather<TKernel>(sbyte* query, byte** codes, int count, nint bytes, int* sums)
        where TKernel : struct, ICodeKernel
    {
        var lines = (int)Math.Min(LinesAheadMax, (bytes + CacheLineBytes - 1) / CacheLineBytes);
        var ahead = Math.Min(RowsAhead, count);
        for (var i = 0; i < ahead; i++)
            Ask(codes[i], lines);

        var done = 0;
        for (; done <= count - RowsAtOnce; done += RowsAtOnce)
        {
            for (var end = Math.Min(ahead + RowsAtOnce, count); ahead < end; ahead++)
                Ask(codes[ahead], lines);

            TKernel.Dot4(codes + done, query, bytes, sums + done);
        }

        for (; done < count; done++)
            sums[done] = TKernel.Dot(codes[done], query, bytes);
    }

    /// <summary>
    /// Asks for a code that will be read soon, into the second cache: a core keeps many more requests of it in flight
    /// than of the first, where asking for more than four lines of a few codes held up the sums. Codes of 784 bytes in
    /// turns in one process (EPYC with AVX-512): a query at recall .944, .983 and .996 takes 41, 56 and 90 µs with four
    /// lines into the first cache, 32, 47 and 71 µs with this.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Ask(byte* code, int lines)
    {
        if (!Sse.IsSupported)
            return;

        // Never faults, so no bound is needed.
        for (var line = 0; line < lines; line++)
            Sse.Prefetch1(code + line * CacheLineBytes);
    }
}
