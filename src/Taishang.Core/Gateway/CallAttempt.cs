using Taishang.Core.Models;

namespace Taishang.Core.Gateway;

/// <summary>One try of a call at one model, as whoever sends it sees it.</summary>
internal sealed class CallAttempt(ModelCall call, UsableModel model, string target, CancellationToken cancellation)
{
    public ModelCall Call { get; } = call;

    public UsableModel Model { get; } = model;

    /// <summary>The reference under which the model was chosen.</summary>
    public string Target { get; } = target;

    public CancellationToken Cancellation { get; } = cancellation;

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
