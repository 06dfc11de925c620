using Taishang.Core.Api;
using Taishang.Core.Gateway.Limits;
using Taishang.Core.Models;

namespace Taishang.Core.Gateway;

/// <summary>One try of a call at one model, as whoever sends it sees it.</summary>
internal sealed class CallAttempt(ModelCall call, UsableModel model, string target, CancellationToken cancellation)
{
    private ModelLease? _lease;

    public ModelCall Call { get; } = call;

    public UsableModel Model { get; } = model;

    /// <summary>The reference under which the model was chosen.</summary>
    public string Target { get; } = target;

    public CancellationToken Cancellation { get; } = cancellation;

    public required ModelLimiter Limiter { private get; init; }

    /// <summary>Its answer goes nowhere: neither to the caller nor into a cache.</summary>
    public bool IsShadow { get; init; }

    /// <summary>Targets that were called, this one included.</summary>
    public int Tries { get; init; } = 1;

    /// <summary>The try has succeeded: what fails from then on is not the target's.</summary>
    public bool IsDone { get; set; }

    /// <summary>The first part of the answer is on its way to the caller: no other target can take over.</summary>
    public bool HasBegun { get; private set; }

    /// <summary>Tokens that the model has written so far, as far as anybody can tell before its summary.</summary>
    public long OutputTokens { get; private set; }

    /// <summary>Runs it, and gives back what it has taken of the model's limits and not used.</summary>
    public async Task<CallResult<T>> RunAsync<T>(Func<CallAttempt, Task<CallResult<T>>> send)
    {
        try
        {
            var result = await send(this);
            _lease?.Settle(result.Calls, result.InputTokens + result.OutputTokens);
            return result;
        }
        catch (Exception e)
        {
            // Whether one that was cut off or came late was read, nobody knows; one that failed was not.
            _lease?.Fail(HasBegun || e is not ApiException api || api.Code == ErrorCodes.AiTimeout);
            throw;
        }
    }

    /// <summary>
    /// Takes room in the model's limits, before anything is sent: what a cache knows needs none.
    /// </summary>
    /// <param name="requests">Calls of the model.</param>
    /// <param name="tokens">At most, as far as anybody can tell.</param>
    /// <exception cref="ApiException">There is none (20026).</exception>
    public void TakeRoom(int requests, long tokens) => _lease = Limiter.Take(Model, requests, tokens);

    /// <summary>A part of the answer has gone to the caller.</summary>
    public void Passed(int tokens)
    {
        HasBegun = true;
        OutputTokens += tokens;
    }
}

/// <summary>What came of a try that succeeded.</summary>
/// <param name="Answer">For whoever asked.</param>
/// <param name="InputTokens">That the model has read for it.</param>
/// <param name="OutputTokens">That the model has written for it.</param>
/// <param name="Calls">Calls of the model; 0 where caches knew all.</param>
/// <param name="ModelMs">What the model itself took; 0 where nobody said.</param>
internal sealed record CallResult<T>(T Answer, long InputTokens, long OutputTokens, int Calls, double ModelMs);
