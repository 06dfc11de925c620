using System.Collections.Frozen;
using Taishang.Core.Api;

namespace Taishang.Core.Gateway;

/// <summary>Whose fault a failed try was: whether another target is asked, and whether this one is blamed.</summary>
internal static class CallFaults
{
    private static readonly FrozenSet<int> OfTargets = new[]
    {
        ErrorCodes.ModelUpstreamFailed, ErrorCodes.ModelNotLoaded, ErrorCodes.ModelEndpointForbidden,
        ErrorCodes.AiTimeout, ErrorCodes.AiFailed, ErrorCodes.WorkerInternal,
    }.Select(code => code.Number).ToFrozenSet();

    private static readonly FrozenSet<int> OfLimits = new[]
    {
        ErrorCodes.ModelUpstreamLimited, ErrorCodes.TooManyRequests, ErrorCodes.InsufficientMemory,
    }.Select(code => code.Number).ToFrozenSet();

    private static readonly FrozenSet<int> OfRegistry = new[]
    {
        ErrorCodes.ModelNotFound, ErrorCodes.ModelVersionNotFound, ErrorCodes.ModelAliasNotFound,
        ErrorCodes.ModelNotActive, ErrorCodes.ModelRetired, ErrorCodes.ModelInvalid,
    }.Select(code => code.Number).ToFrozenSet();

    private static readonly FrozenSet<int> OfBudgets = new[]
    {
        ErrorCodes.BudgetExceeded, ErrorCodes.BudgetHeld, ErrorCodes.BudgetUncounted,
    }.Select(code => code.Number).ToFrozenSet();

    public static CallFault Of(Exception e) => e switch
    {
        ApiException full when full.Code == ErrorCodes.ModelAtLimit => CallFault.Full,
        ApiException { Code.Number: var number } when OfTargets.Contains(number) => CallFault.Target,
        ApiException { Code.Number: var number } when OfLimits.Contains(number) => CallFault.Limit,
        // The caller's own, or our workers': another target would fare no better.
        _ => CallFault.Other,
    };

    /// <summary>A model's budget does not let a target be called.</summary>
    public static bool IsOfBudget(ApiException e) => OfBudgets.Contains(e.Code.Number);

    /// <summary>The registry does not let a target be called: it is passed over, and was not tried.</summary>
    public static bool IsOfRegistry(ApiException e) => OfRegistry.Contains(e.Code.Number);
}

/// <summary>What a failure says of the target that was tried.</summary>
internal enum CallFault
{
    /// <summary>Nothing.</summary>
    Other,

    /// <summary>It failed.</summary>
    Target,

    /// <summary>It works, and asks to be left alone for a while.</summary>
    Limit,

    /// <summary>It was not asked: as much as its config allows is already asked of it.</summary>
    Full,
}
