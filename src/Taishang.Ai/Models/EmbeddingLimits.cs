namespace Taishang.Ai.Models;

/// <summary>What one call of an embedding model may bring. Checked before anything is computed.</summary>
internal sealed record EmbeddingLimits
{
    /// <summary>Texts in one call, 1 to 100,000. Default 10,000, as many as an upsert has rows.</summary>
    public int MaxTexts { get; init; } = 10_000;

    /// <summary>Characters of one text, 1 to 16 Mi. Default 1 Mi. What a model reads of it may be less.</summary>
    public int MaxTextCharacters { get; init; } = 1 << 20;

    /// <summary>Characters of all texts of a call. Default 32 Mi, the 64 MiB of a request body in UTF-16.</summary>
    public long MaxBatchCharacters { get; init; } = 32L << 20;

    /// <summary>Throws unless <paramref name="texts"/> are within the limits and none is blank.</summary>
    /// <exception cref="ModelException">Of kind <see cref="ModelErrorKind.InvalidInput"/>, with the row.</exception>
    public void Check(IReadOnlyList<string> texts)
    {
        if (texts.Count == 0)
            throw new ModelException(ModelErrorKind.InvalidInput, "texts: at least one text is expected, none came.");
        if (texts.Count > MaxTexts)
        {
            throw new ModelException(ModelErrorKind.InvalidInput,
                $"texts: at most {MaxTexts} texts are taken in one call, {texts.Count} came.");
        }
        long total = 0;
        for (int row = 0; row < texts.Count; row++)
        {
            string text = texts[row];
            if (string.IsNullOrWhiteSpace(text)) throw Empty(row);
            if (text.Length > MaxTextCharacters)
            {
                throw new ModelException(ModelErrorKind.InvalidInput,
                    $"texts[{row}]: at most {MaxTextCharacters} characters are taken, {text.Length} came.")
                { Row = row };
            }
            total += text.Length;
        }
        if (total > MaxBatchCharacters)
        {
            throw new ModelException(ModelErrorKind.InvalidInput,
                $"texts: at most {MaxBatchCharacters} characters are taken in one call, {total} came.");
        }
    }

    /// <summary>The refusal of a text without content, which no model can place anywhere.</summary>
    public static ModelException Empty(int row) =>
        new(ModelErrorKind.InvalidInput, $"texts[{row}]: a text with content is expected, an empty one came.")
        { Row = row };
}
