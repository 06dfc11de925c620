using System.ComponentModel.DataAnnotations;

namespace Taishang.Core.Vectors;

/// <summary>How texts become vectors. Section `Vectors`.</summary>
internal sealed class VectorOptions
{
    /// <summary>
    /// Texts of one ComputeEmbedding call, 1–1,000, default 128. Longer lists are cut into such calls.
    /// </summary>
    [Range(1, 1_000)]
    public int EmbedBatchTexts { get; set; } = 128;
}
