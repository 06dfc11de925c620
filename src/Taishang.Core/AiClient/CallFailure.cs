using Taishang.Core.Api;
using Taishang.Core.ServiceCalls;

namespace Taishang.Core.AiClient;

/// <summary>Why one attempt failed, seen from whoever must decide what comes next.</summary>
/// <param name="Error">What the caller of core is told when nothing comes next.</param>
/// <param name="Status">As it is recorded.</param>
/// <param name="IsTransport">The worker said nothing: another attempt may find one that does.</param>
/// <param name="IsConnect">No connection could be opened, so no other call should try this address now.</param>
/// <param name="Pushback">The least pause that the worker asked for before another attempt.</param>
internal sealed record CallFailure(
    ApiException Error, CallStatus Status, bool IsTransport, bool IsConnect, TimeSpan? Pushback);
