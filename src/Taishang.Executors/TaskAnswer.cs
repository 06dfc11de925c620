namespace Taishang.Executors;

/// <summary>One of many answers that a task keeps beside its result, read page by page.</summary>
/// <param name="Number">Its place, 0–9,999: written again, it replaces what stood there.</param>
/// <param name="Json">A JSON object of at most 65,536 characters.</param>
public readonly record struct TaskAnswer(int Number, string Json)
{
    /// <summary>Answers that a task keeps.</summary>
    public const int CountMax = 10_000;

    /// <summary>Characters of one answer.</summary>
    public const int CharactersMax = 65_536;
}
