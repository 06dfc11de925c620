using Taishang.Core.Gateway;

namespace Taishang.Core.Costs;

/// <summary>What one call holds: in the budgets of its caller and route, and in those of the model that is
/// tried.</summary>
internal sealed class CallReservation(BudgetAdmission admission, CallScope scope) : IReservation
{
    private IReadOnlyList<Budget> _budgets = [];
    private IReadOnlyList<BudgetHold> _ofCall = [];
    private IReadOnlyList<BudgetHold> _ofModel = [];
    private bool _settled;

    public void Hold(IReadOnlyList<Budget> budgets, IReadOnlyList<BudgetHold> holds) =>
        (_budgets, _ofCall) = (budgets, holds);

    public async ValueTask EnterAsync(CallScope tried, CallEstimate estimate, CancellationToken cancellation)
    {
        BudgetAdmission.Release(_ofModel);
        _ofModel = [];
        admission.RequireCounted(_budgets, tried);
        if ((await admission.BudgetsAsync(cancellation)).OfModel(tried) is not { } budgets) return;
        admission.RequireCounted(budgets, tried);
        _ofModel = await admission.HoldAsync(budgets, estimate, cancellation);
    }

    public ValueTask SettleAsync(CallUsage usage, CancellationToken cancellation)
    {
        if (_settled) return default;
        _settled = true;
        admission.Settle(scope, _ofModel.Count == 0 ? _ofCall : [.. _ofCall, .. _ofModel], usage);
        return default;
    }

    public ValueTask DisposeAsync()
    {
        if (_settled) return default;
        _settled = true;
        BudgetAdmission.Release(_ofCall);
        BudgetAdmission.Release(_ofModel);
        return default;
    }
}
