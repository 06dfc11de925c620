using Taishang.Core.Gateway;

namespace Taishang.Core.Costs;

/// <summary>Admits calls that every budget which covers them has room for, and counts what they have used.</summary>
internal sealed class BudgetAdmission(
    BudgetDirectory directory, CostLedger ledger, CostMetrics metrics, TimeProvider time) : ICallAdmission
{
    public ValueTask<IReservation> ReserveAsync(
        CallScope scope, CallEstimate estimate, CancellationToken cancellation) =>
        directory.Known is { } budgets && budgets.OfCall(scope) is null
            ? new ValueTask<IReservation>(new CallReservation(this, scope))
            : new ValueTask<IReservation>(HoldAsync(scope, estimate, cancellation));

    /// <summary>Holds room for a call in each of the budgets, or in none.</summary>
    /// <exception cref="Api.ApiException">One of them has none (20030, 20031).</exception>
    public async ValueTask<List<BudgetHold>> HoldAsync(
        List<Budget> budgets, CallEstimate estimate, CancellationToken cancellation)
    {
        var holds = new List<BudgetHold>(budgets.Count);
        try
        {
            foreach (var budget in budgets)
            {
                var need = NeedOf(budget, estimate);
                var counter = ledger.CounterOf(budget);
                holds.Add(new BudgetHold(budget, counter, await TakeAsync(budget, counter, need, cancellation)));
            }
        }
        catch
        {
            Release(holds);
            throw;
        }

        return holds;
    }

    /// <exception cref="Api.ApiException">One of them refuses calls that it can not count (20035).</exception>
    public void RequireCounted(IEnumerable<Budget> budgets, CallScope scope)
    {
        foreach (var budget in budgets)
        {
            if (budget.Uncounted != BudgetWords.Refuse || budget.Unit != BudgetWords.Money) continue;
            if (budget.Currency == scope.Currency) continue;
            Count(budget, ledger.CounterOf(budget));
            if (!budget.IsShadow) throw BudgetRefusal.Uncounted(budget, scope.ModelReference);
        }
    }

    public ValueTask<BudgetSet> BudgetsAsync(CancellationToken cancellation) => directory.GetAsync(cancellation);

    public static void Release(IReadOnlyList<BudgetHold> holds)
    {
        foreach (var hold in holds) hold.Counter.Settle(hold.Held, 0);
    }

    /// <summary>Puts what was used in the place of what is held, and into the figures of the hour.</summary>
    public void Settle(CallScope scope, IReadOnlyList<BudgetHold> holds, CallUsage usage)
    {
        foreach (var hold in holds) hold.Counter.Settle(hold.Held, UsedOf(hold.Budget, usage));
        var hour = (long)(time.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalHours;
        ledger.Usage.Add(
            new UsageKey(
                hour, scope.Tenant, scope.KeyId, usage.ServedModelReference, usage.Version, scope.Route ?? "",
                usage.Currency ?? ""),
            new UsageSums
            {
                Calls = 1,
                CachedCalls = usage.Cached ? 1 : 0,
                InputTokens = usage.InputTokens,
                OutputTokens = usage.OutputTokens,
                Cost = CostAmounts.OfMoney(usage.Cost ?? 0),
            });
    }

    private async Task<IReservation> HoldAsync(
        CallScope scope, CallEstimate estimate, CancellationToken cancellation)
    {
        var reservation = new CallReservation(this, scope);
        if ((await directory.GetAsync(cancellation)).OfCall(scope) is { } budgets)
            reservation.Hold(budgets, await HoldAsync(budgets, estimate, cancellation));
        return reservation;
    }

    /// <summary>What is held: less than the need only where the budget refuses nothing.</summary>
    private async ValueTask<long> TakeAsync(
        Budget budget, BudgetCounter counter, long need, CancellationToken cancellation)
    {
        if (need == 0) return 0;
        BudgetRefusal? refusal;
        try
        {
            refusal = await ledger.TakeAsync(counter, need, cancellation);
        }
        catch (Exception e) when (budget.IsShadow && e is not OperationCanceledException)
        {
            // Whoever only watches stops nothing while the database is away. What is used is counted all the same.
            return 0;
        }

        if (refusal is null) return need;
        Count(budget, counter);
        return budget.IsShadow ? 0 : throw refusal.ToError(budget, need, time.GetUtcNow());
    }

    private void Count(Budget budget, BudgetCounter counter)
    {
        counter.Refused();
        metrics.Refused(budget);
    }

    /// <summary>0 where the budget can not count it.</summary>
    private static long NeedOf(Budget budget, CallEstimate estimate) => budget.Unit switch
    {
        BudgetWords.Calls => 1,
        BudgetWords.Money => estimate.CostIn(budget.Currency) is { } cost ? CostAmounts.OfMoney(cost) : 0,
        _ => CostAmounts.Clamp(
            CostAmounts.Clamp(estimate.InputTokens) + CostAmounts.Clamp(estimate.OutputTokensMax)),
    };

    /// <summary>A call that caches answered alone used nothing.</summary>
    private static long UsedOf(Budget budget, CallUsage usage) => budget.Unit switch
    {
        BudgetWords.Calls => usage.Cached ? 0 : 1,
        BudgetWords.Money => usage.Currency == budget.Currency ? CostAmounts.OfMoney(usage.Cost ?? 0) : 0,
        _ => CostAmounts.Clamp(CostAmounts.Clamp(usage.InputTokens) + CostAmounts.Clamp(usage.OutputTokens)),
    };
}

/// <param name="Budget">As it was when the call was admitted.</param>
/// <param name="Counter">Of the period in which it was admitted.</param>
/// <param name="Held">0 where the budget refuses nothing and has no room, or can not count the call.</param>
internal readonly record struct BudgetHold(Budget Budget, BudgetCounter Counter, long Held);
