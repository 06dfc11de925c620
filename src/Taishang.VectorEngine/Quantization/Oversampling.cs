using Taishang.VectorEngine.Distances;

namespace Taishang.VectorEngine.Quantization;

/// <summary>How many of the nearest by codes are put in order by floats, so that the rounding of codes does not decide
/// what is returned: the fewer bits, the more.</summary>
internal static class Oversampling
{
    /// <param name="form">Of the codes.</param>
    /// <param name="topK">Rows asked for.</param>
    public static int Candidates(CodeForm form, int topK)
    {
        var more = form switch
        {
            CodeForm.Seven => Math.Max(30, topK / 2),
            CodeForm.Four => Math.Max(60, topK * 2L),
            _ => Math.Max(400, topK * 12L),
        };
        return (int)Math.Min(int.MaxValue, topK + more);
    }
}
