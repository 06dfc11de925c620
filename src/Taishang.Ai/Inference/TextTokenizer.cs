using Microsoft.ML.Tokenizers;
using Taishang.Ai.Embeddings;
using Taishang.Ai.Models;

namespace Taishang.Ai.Inference;

/// <summary>The tokens of one text, as a model takes them.</summary>
/// <param name="Ids">Token ids, special tokens included.</param>
/// <param name="Truncated">True if the text had more tokens than were asked for.</param>
internal readonly record struct TokenizedText(long[] Ids, bool Truncated);

/// <summary>How a tokenizer's own ids become the model's.</summary>
/// <param name="First">Id put before each text, or null.</param>
/// <param name="Last">Id put after each text, or null.</param>
/// <param name="Padding">Id that fills shorter texts of a batch.</param>
/// <param name="Offset">Added to each of the tokenizer's ids (1 for models that moved the SentencePiece ids
/// up).</param>
/// <param name="Unknown">The model's id for the tokenizer's unknown token, or null if it is the same.</param>
internal sealed record TokenIds(long? First, long? Last, long Padding, long Offset = 0, long? Unknown = null);

/// <summary>Turns text into a model's token ids. Safe to call from many threads.</summary>
internal sealed class TextTokenizer(Tokenizer tokenizer, TokenIds ids, bool foldLetters)
{
    // No vocabulary has longer tokens than this on average over a text, so the rest of a long text is not worth
    // reading.
    private const int MaxCharactersPerToken = 64;

    /// <summary>Id that fills shorter texts of a batch.</summary>
    public long Padding => ids.Padding;

    /// <summary>Tokenizes texts, none of which may come out empty.</summary>
    /// <exception cref="ModelException">Of kind InvalidInput, with the row.</exception>
    public TokenizedText[] EncodeAll(IReadOnlyList<string> texts, int maxTokens, CancellationToken cancellationToken)
    {
        var tokens = new TokenizedText[texts.Count];
        for (int row = 0; row < texts.Count; row++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            tokens[row] = Encode(texts[row], maxTokens);
            if (tokens[row].Ids.Length == 0) throw EmbeddingLimits.Empty(row);
        }
        return tokens;
    }

    /// <summary>Tokenizes <paramref name="text"/> into at most <paramref name="maxTokens"/> tokens.</summary>
    public TokenizedText Encode(string text, int maxTokens)
    {
        int room = maxTokens - (ids.First is null ? 0 : 1) - (ids.Last is null ? 0 : 1);
        long readable = (long)room * MaxCharactersPerToken;
        bool cut = text.Length > readable;
        if (cut) text = text[..(int)readable];
        if (foldLetters) text = TextFolder.FoldLetters(text);
        IReadOnlyList<int> pieces = tokenizer is BertTokenizer bert
            ? bert.EncodeToIds(text, room + 1, addSpecialTokens: false, out _, out _)
            : tokenizer.EncodeToIds(text, room + 1, out _, out _);
        int unknown = tokenizer is SentencePieceTokenizer pieceTokenizer ? pieceTokenizer.UnknownId : -1;
        int kept = Math.Min(pieces.Count, room);
        var result = new List<long>(kept + 2);
        if (ids.First is { } first) result.Add(first);
        for (int i = 0; i < kept; i++)
            result.Add(ids.Unknown is { } id && pieces[i] == unknown ? id : pieces[i] + ids.Offset);
        if (ids.Last is { } last) result.Add(last);
        return new TokenizedText([.. result], cut || pieces.Count > room);
    }
}
