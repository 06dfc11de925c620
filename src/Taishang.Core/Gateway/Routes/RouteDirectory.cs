using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using Taishang.Core.Api;
using Taishang.Core.Models;

namespace Taishang.Core.Gateway.Routes;

/// <summary>
/// Routes by name as calls use them, remembered for a moment: a change through this server counts at once, one through
/// another core after `Models:CacheMs` at the latest. The health of targets outlives the memory.
/// </summary>
internal sealed class RouteDirectory(
    RouteStore store, ModelGate gate, RouteDice dice, IOptions<ModelOptions> options, TimeProvider time)
{
    /// <summary>Names that lead nowhere are remembered too, and anybody may ask for any.</summary>
    private const int RememberedMax = 4 * RouteRules.RoutesMax;

    private readonly ConcurrentDictionary<string, Remembered> _remembered = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, RouteState> _states = new(StringComparer.Ordinal);
    private readonly TimeSpan _memory = TimeSpan.FromMilliseconds(options.Value.CacheMs);
    private long _changes;

    /// <summary>By name or id; null when there is none.</summary>
    public ValueTask<RouteState?> FindAsync(string reference, CancellationToken cancellation) =>
        _remembered.TryGetValue(reference, out var known) && time.GetUtcNow() < known.Until
            ? new ValueTask<RouteState?>(known.State)
            : LoadAsync(reference, cancellation);

    /// <exception cref="ApiException">There is none (20020).</exception>
    public async ValueTask<RouteState> GetAsync(string reference, CancellationToken cancellation) =>
        await FindAsync(reference, cancellation)
            ?? throw new ApiException(
                ErrorCodes.ModelRouteNotFound,
                $"no such route: '{(reference.Length <= 100 ? reference : reference[..100] + "…")}'");

    /// <summary>Called after every change through this server.</summary>
    public void Forget()
    {
        Interlocked.Increment(ref _changes);
        _remembered.Clear();
    }

    private async ValueTask<RouteState?> LoadAsync(string reference, CancellationToken cancellation)
    {
        var changes = Interlocked.Read(ref _changes);
        var row = await store.FindAsync(reference, cancellation);
        var state = row is null ? null : StateOf(row);
        if (state is not null) await PriceAsync(state, cancellation);
        if (_remembered.Count >= RememberedMax) _remembered.Clear();
        // What was read before a change may be older than the change.
        if (_memory > TimeSpan.Zero && changes == Interlocked.Read(ref _changes))
            _remembered[reference] = new Remembered(state, time.GetUtcNow() + _memory);
        return state;
    }

    private RouteState StateOf(ModelRoute row)
    {
        if (_states.Count >= RememberedMax) _states.Clear();
        return _states.AddOrUpdate(
            row.Id, _ => new RouteState(row, null, dice),
            (_, before) => before.Row == row ? before : new RouteState(row, before, dice));
    }

    /// <summary>What targets cost and write is asked when a route is read, so that a decision waits for nothing.
    /// </summary>
    private async Task PriceAsync(RouteState state, CancellationToken cancellation)
    {
        foreach (var target in state.Targets)
        {
            try
            {
                var model = await gate.RequireAsync(target.Reference, null, null, cancellation);
                (target.Price, target.ContextTokens) = (model.Price, model.ContextTokens);
            }
            catch (ApiException e) when (CallFaults.IsOfRegistry(e))
            {
                // Passed over when a call comes to it; until then its last ones stand.
            }
        }
    }

    private sealed record Remembered(RouteState? State, DateTimeOffset Until);
}
