using Taishang.VectorEngine.Distances;

namespace Taishang.VectorEngine.Quantization;

/// <summary>
/// Where components lie. Codes of seven bits: a byte each. Of four bits: two in a byte, the first in the lower half. Of
/// one bit: in order, the lowest bit first, in whole words of 32. Queries have a byte for each component, in order but
/// for nibbles, where those of 32 lower halves come before those of the upper ones, as kernels meet them.
/// </summary>
internal static class CodeLayout
{
    /// <summary>Components of a word of signs.</summary>
    private const int SignBlock = 32;

    /// <summary>Bytes that kernels of bytes and nibbles read at once.</summary>
    public const int StepBytes = 32;

    public static int CodeBytes(CodeForm form, int dimensions) => form switch
    {
        CodeForm.Seven => dimensions,
        CodeForm.Four => (dimensions + 1) / 2,
        _ => RoundUp(dimensions, SignBlock) / 8,
    };

    public static int KernelBytes(CodeForm form, int dimensions) => form == CodeForm.One
        ? CodeBytes(form, dimensions)
        : RoundUp(CodeBytes(form, dimensions), StepBytes);

    public static int QueryBytes(CodeForm form, int dimensions) => form switch
    {
        CodeForm.Seven => KernelBytes(form, dimensions),
        CodeForm.Four => KernelBytes(form, dimensions) * 2,
        _ => KernelBytes(form, dimensions) * 8,
    };

    /// <summary>The byte of a component, and how far its four bits are shifted.</summary>
    public static (int Byte, int Shift) Nibble(int component) => (component >> 1, (component & 1) << 2);

    /// <summary>Where a query for nibbles has a component.</summary>
    public static int NibbleInQuery(int component)
    {
        var at = component >> 1;
        return at / StepBytes * (2 * StepBytes) + at % StepBytes + (component & 1) * StepBytes;
    }

    private static int RoundUp(int value, int unit) => (value + unit - 1) / unit * unit;
}
