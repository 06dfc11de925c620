namespace Taishang.Ai.Embeddings;

/// <summary>What kind of feature a hash stands for. Fits the low three bits of a feature's key.</summary>
internal enum FeatureKind : byte
{
    Word = 0,
    Trigram = 1,
    FourGram = 2,
    FiveGram = 3,
    Character = 4,
    Bigram = 5,
    Symbol = 6,
}
