using Taishang.Core.Api;
using Taishang.Core.Gateway.Limits;
using Taishang.Core.Models;

namespace Taishang.Core.Gateway;

/// <summary>
/// The one way from REST to a model: admits the call, walks over the targets, settles what it cost, and says who
/// served. What is sent, and to which of the worker's methods, is the caller's.
/// </summary>
internal sealed class ModelCaller(
    ICallAdmission admission, ModelGate gate, ModelLimiter limiter, ShadowCalls shadows, GatewayMetrics metrics,
    TimeProvider time)
{
    /// <param name="call">Who calls, and where it may go.</param>
    /// <param name="size">The most that it can use.</param>
    /// <param name="send">One try; run again for another target, and once more for a shadow.</param>
    /// <param name="cancellation">Of the request.</param>
    /// <exception cref="ApiException">Not admitted, no target, or the last one failed.</exception>
    public async Task<Served<T>> RunAsync<T>(
        ModelCall call, CallSize size, Func<CallAttempt, Task<CallResult<T>>> send, CancellationToken cancellation)
    {
        var walk = new CallWalk(call, gate, time);
        var step = await walk.NextAsync(cancellation) ?? throw Refused(call, walk.End());
        await using var reservation = await ReserveAsync(call, step, size, cancellation);
        while (true)
        {
            if (!await EnterAsync(call, walk, step, reservation, size, cancellation))
            {
                step = await walk.NextAsync(cancellation) ?? throw Refused(call, walk.End());
                continue;
            }

            var attempt = new CallAttempt(call, step.Model, step.Target, cancellation)
            {
                Limiter = limiter,
                Tries = walk.Tries,
            };
            try
            {
                var result = await TryAsync(walk, step, attempt, send);
                var by = ByOf(call, walk, step, result);
                await reservation.SettleAsync(by.Usage(), CancellationToken.None);
                if (call.Context is { } context) by.WriteHeaders(context);
                shadows.Offer(call, send);
                return new Served<T>(result.Answer, by);
            }
            catch (Exception e) when (!attempt.IsDone)
            {
                var goesOn = walk.GoesOnAfter(step, e, attempt.HasBegun);
                metrics.Tried(call, step, e);
                if (attempt.HasBegun) await SettleBrokenAsync(reservation, attempt, size);
                if (!goesOn) throw;
            }

            step = await walk.NextAsync(cancellation) ?? throw Refused(call, walk.End());
        }
    }

    private async Task<CallResult<T>> TryAsync<T>(
        CallWalk walk, CallStep step, CallAttempt attempt, Func<CallAttempt, Task<CallResult<T>>> send)
    {
        walk.LimitAttempt();
        var started = time.GetTimestamp();
        var result = await attempt.RunAsync(send);
        attempt.IsDone = true;
        var elapsed = time.GetElapsedTime(started).TotalMilliseconds;
        if (result.Calls == 0)
        {
            // What a cache knew says nothing of the model.
            step.Leave();
            return result;
        }

        step.Succeeded(walk.NowMs, elapsed);
        metrics.Tried(attempt.Call, step, null);
        metrics.Answered(attempt.Call, step, elapsed, result.ModelMs);
        return result;
    }

    private async ValueTask<IReservation> ReserveAsync(
        ModelCall call, CallStep step, CallSize size, CancellationToken cancellation)
    {
        try
        {
            return await admission.ReserveAsync(call.ScopeWith(step.Model), call.EstimateOf(size), cancellation);
        }
        catch
        {
            step.Leave();
            throw;
        }
    }

    /// <summary>False when the budget of the model is used up, and another target may be tried.</summary>
    private static async ValueTask<bool> EnterAsync(
        ModelCall call, CallWalk walk, CallStep step, IReservation reservation, CallSize size,
        CancellationToken cancellation)
    {
        try
        {
            await reservation.EnterAsync(
                call.ScopeWith(step.Model), ModelCall.EstimateOf(step.Model, size), cancellation);
            return true;
        }
        catch (ApiException e) when (call.Route is not null && CallFaults.IsOfBudget(e))
        {
            walk.PassOver(step, e);
            return false;
        }
        catch
        {
            step.Leave();
            throw;
        }
    }

    /// <summary>The caller has part of an answer, or went away from it: that much was used.</summary>
    private static ValueTask SettleBrokenAsync(IReservation reservation, CallAttempt attempt, CallSize size)
    {
        var model = attempt.Model;
        var cost = model.Price?.CostOf(size.InputTokens, attempt.OutputTokens, 1);
        return reservation.SettleAsync(
            new CallUsage(
                size.InputTokens, attempt.OutputTokens, cost, model.Model.Reference, model.Version.Version, false,
                model.Price?.Currency),
            CancellationToken.None);
    }

    private static ServedBy ByOf<T>(ModelCall call, CallWalk walk, CallStep step, CallResult<T> result) => new()
    {
        Model = step.Model,
        Target = step.Target,
        Route = call.Route?.Name,
        Tries = walk.Tries,
        Fallback = step.IsFallback,
        Cached = result.Calls == 0,
        InputTokens = result.InputTokens,
        OutputTokens = result.OutputTokens,
        ModelMs = result.ModelMs,
        Cost = step.Model.Price?.CostOf(result.InputTokens, result.OutputTokens, result.Calls),
    };

    private ApiException Refused(ModelCall call, ApiException why)
    {
        metrics.Refused(call, why);
        return why;
    }
}
