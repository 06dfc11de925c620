namespace Taishang.VectorEngine.Distances;

/// <summary>
/// Products of codes with signed bytes of −127 to 127: of bytes of 0 to 127, or of components of fewer bits packed as
/// the kernel says. Sums are exact whole numbers, so every
/// implementation gives the same result to the last bit.
/// </summary>
internal unsafe interface ICodeKernel
{
    /// <summary>The product of one pair.</summary>
    /// <param name="code">As many bytes as <paramref name="bytes"/>.</param>
    /// <param name="query">As many signed bytes.</param>
    /// <param name="bytes">A multiple of <see cref="CodeScorer.StepBytes"/>.</param>
    static abstract int Dot(byte* code, sbyte* query, nint bytes);

    /// <summary>Four products with one query, which is loaded once for all of them.</summary>
    static abstract void Dot4(byte** codes, sbyte* query, nint bytes, int* sums);
}
