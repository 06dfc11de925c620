namespace Taishang.Core.Vectors;

/// <summary>How texts become vectors. Section `Vectors`.</summary>
internal sealed class VectorOptions
{
    /// <summary>Texts of one ComputeEmbedding call, 1–1,000, default 128. Longer lists are cut into such calls.</summary>
    public int EmbedBatchTexts { get; set; } = 128;

    /// <summary>The model of an embed call that names none, as provider/name. Default builtin/taishang-embed.</summary>
    public string EmbedModel { get; set; } = "builtin/taishang-embed";
}
