namespace Taishang.ContractDiff;

/// <summary>Something that a caller written against the old contract would trip over.</summary>
/// <param name="Rule">Short name of the rule, such as <c>removed-path</c>; tests and people refer to it.</param>
/// <param name="Where">The place in the contract, from the outside in.</param>
/// <param name="What">What was and what is.</param>
public sealed record BreakingChange(string Rule, string Where, string What)
{
    public override string ToString() => $"{Rule} at {Where}: {What}";
}
