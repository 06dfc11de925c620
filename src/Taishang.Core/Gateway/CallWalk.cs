using Taishang.Core.AiClient;
using Taishang.Core.Api;
using Taishang.Core.Gateway.Routes;
using Taishang.Core.Models;

namespace Taishang.Core.Gateway;

/// <summary>
/// The way of one call over its targets: no target twice, no more of them than the route tries, all within one
/// deadline. A call of a model alone is a way of one step.
/// </summary>
internal sealed class CallWalk(ModelCall call, ModelGate gate, TimeProvider time)
{
    /// <summary>How long a target that asks to slow down is left alone when it does not say how long.</summary>
    private static readonly TimeSpan LimitWait = TimeSpan.FromSeconds(1);

    private readonly DateTimeOffset? _deadline = DeadlineOf(call, time);
    private uint _passed;
    private bool _drilled;
    private ApiException? _failure;
    private ApiException? _passedOver;
    private ApiException? _full;
    private ApiException? _ofBudget;
    private TimeSpan? _shortestWait;
    private bool _allLimited = true;
    private readonly DateTimeOffset? _callersDeadline = RequestBudget.Deadline;

    /// <summary>Targets that were called.</summary>
    public int Tries { get; private set; }

    /// <summary>Monotonic, in milliseconds: what the health of targets is timed by.</summary>
    public long NowMs => RouteState.NowMs(time);

    /// <summary>The next target; null when there is none, and <see cref="End"/> says why.</summary>
    public async ValueTask<CallStep?> NextAsync(CancellationToken cancellation)
    {
        if (call.Route is not { } route)
        {
            if (Tries++ > 0) return null;
            return new CallStep(call.Model!, call.Model!.Model.Reference, null, HealthEntry.Normal);
        }

        while (Tries < route.Definition.AttemptsMax && !IsLate)
        {
            var index = route.Choose(call.Traits, _passed, NowMs);
            if (index < 0) return null;
            _passed |= 1u << index;
            var target = route.Targets[index];
            if (call.Drill.FaultOf(target.Reference) is { } fault)
            {
                // Only this caller plays that it fails: nothing is learnt of the target.
                _drilled = true;
                Tries++;
                Note(fault);
                continue;
            }

            var entry = target.Health.Enter(NowMs);
            if (entry == HealthEntry.Refused) continue;
            if (await FindAsync(target, entry, cancellation) is not { } model) continue;
            Tries++;
            return new CallStep(model, target.Reference, target, entry);
        }

        return null;
    }

    /// <summary>
    /// Sets how long the try may take, for everything that is awaited from here on in this flow.
    /// </summary>
    public void LimitAttempt()
    {
        if (_deadline is not { } end) return;
        if (call.Route?.Definition.AttemptTimeoutMs is { } ms)
        {
            var own = time.GetUtcNow().AddMilliseconds(ms);
            if (own < end) end = own;
        }

        RequestBudget.EndAt(end);
    }

    /// <summary>Takes in how a try failed. True when another target may be asked.</summary>
    public bool GoesOnAfter(CallStep step, Exception e, bool hasBegun)
    {
        switch (CallFaults.Of(e))
        {
            case CallFault.Limit:
                step.Limited(NowMs, ((ApiException)e).RetryAfter ?? LimitWait);
                break;
            case CallFault.Full:
                PassOverFull(step, (ApiException)e);
                return call.Route is not null;
            case CallFault.Target when !IsCallersOwn((ApiException)e):
                step.Failed(NowMs);
                break;
            default:
                step.Leave();
                return false;
        }

        Note((ApiException)e);
        return call.Route is not null && !hasBegun;
    }

    /// <summary>A smaller call may still have room there, so nothing is told to its health.</summary>
    private void PassOverFull(CallStep step, ApiException e)
    {
        step.Leave();
        Tries--;
        _full = e;
        NoteWait(e);
    }

    /// <summary>The target was not tried: a budget that names its model has no room for the call.</summary>
    public void PassOver(CallStep step, ApiException e)
    {
        step.Leave();
        Tries--;
        _ofBudget = e;
    }

    /// <summary>Why there is no further target.</summary>
    public ApiException End()
    {
        if (call.Route is not { } route) return _failure ?? new ApiException(ErrorCodes.Internal);
        if (_failure is not null) return Exhausted(route, _failure);
        if (_ofBudget is not null && _full is null) return _ofBudget;
        if (IsLate) return new ApiException(ErrorCodes.AiTimeout, $"the time of the route {route.Name} is used up");
        return _full is not null ? AllFull(route, _full) : route.NobodyFor(call.Traits, NowMs, _passedOver);
    }

    /// <summary>Others may be free before, that were left alone for now.</summary>
    private ApiException AllFull(RouteState route, ApiException full)
    {
        var wait = _shortestWait ?? LimitWait;
        if (route.FreeIn(call.Traits, NowMs) is { } others && others < wait) wait = others;
        return new ApiException(
            ErrorCodes.ModelRouteLimited, $"no target of the route {route.Name} has room: {full.Message}", null, wait,
            full);
    }

    private bool IsLate => _deadline is { } end && time.GetUtcNow() >= end;

    /// <summary>The last failure speaks for all; where every target is only limited, the first that is free again
    /// says when to come back.</summary>
    private ApiException Exhausted(RouteState route, ApiException last)
    {
        var what = _drilled ? "drilled or failed" : _allLimited ? "asked to slow down" : "failed";
        var wait = _allLimited ? _shortestWait : last.RetryAfter;
        return new ApiException(
            last.Code, $"{Tries} target{(Tries == 1 ? "" : "s")} of the route {route.Name} {what}: {last.Message}",
            last.Errors, wait ?? (last.Code.Retriable ? ErrorResponses.RetryAfterDefault : null), last);
    }

    private async ValueTask<UsableModel?> FindAsync(
        RouteTarget target, HealthEntry entry, CancellationToken cancellation)
    {
        try
        {
            return await gate.RequireAsync(target.Reference, null, call.Context, cancellation);
        }
        catch (ApiException e) when (CallFaults.IsOfRegistry(e))
        {
            target.Health.Leave(entry);
            _passedOver = e;
            _allLimited = false;
            return null;
        }
        catch
        {
            target.Health.Leave(entry);
            throw;
        }
    }

    private void Note(ApiException e)
    {
        _failure = e;
        if (CallFaults.Of(e) != CallFault.Limit) _allLimited = false;
        NoteWait(e);
    }

    private void NoteWait(ApiException e)
    {
        var wait = e.RetryAfter ?? LimitWait;
        if (_shortestWait is null || wait < _shortestWait) _shortestWait = wait;
    }

    /// <summary>A caller that waits for less than the route does has not found the target late.</summary>
    private bool IsCallersOwn(ApiException e) =>
        e.Code == ErrorCodes.AiTimeout && call.Route is not null && _deadline is { } end && IsLate
        && _callersDeadline is { } callers && callers <= end;

    private static DateTimeOffset? DeadlineOf(ModelCall call, TimeProvider time)
    {
        if (call.Route is not { } route) return null;
        var own = time.GetUtcNow().AddMilliseconds(route.Definition.TimeoutMs);
        return RequestBudget.Deadline is { } callers && callers < own ? callers : own;
    }
}
