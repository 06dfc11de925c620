using Taishang.Core.Api;

namespace Taishang.Core.Gateway;

/// <summary>Decides whether a caller may call a model now: budgets and quotas stand behind it.</summary>
internal interface ICallAdmission
{
    /// <summary>Reserves an upper bound before the call: once for each call of a client, not for each try.</summary>
    /// <exception cref="ApiException">Something is used up (429), with when it may be asked again.</exception>
    ValueTask<IReservation> ReserveAsync(CallScope scope, CallEstimate estimate, CancellationToken cancellation);
}

/// <summary>What a call holds until it has ended; disposed without being settled, it gives all back.</summary>
internal interface IReservation : IAsyncDisposable
{
    /// <summary>
    /// Holds what is asked for by the model that is about to be tried, in the place of what was held for the one
    /// before.
    /// </summary>
    /// <exception cref="ApiException">This model's budget is used up (429): another may be tried.</exception>
    ValueTask EnterAsync(CallScope tried, CallEstimate estimate, CancellationToken cancellation);

    /// <summary>Puts what was used in the place of what was reserved.</summary>
    ValueTask SettleAsync(CallUsage usage, CancellationToken cancellation);
}
