using Taishang.Core.Gateway;

namespace Taishang.Core.Costs;

/// <summary>What one call holds: in the budgets of its caller and route, and in those of the model that is
/// tried.</summary>
internal sealed class CallReservation(BudgetAdmission admission, CallScope scope) : IReservation
{
    private static readonly List<BudgetHold> Nothing = [];

    private List<Budget> _budgets = [];
    private List<BudgetHold> _ofCall = Nothing;
    private List<BudgetHold> _ofModel = Nothing;
    private bool _settled;

    public void Hold(List<Budget> budgets, List<BudgetHold> holds) => (_budgets, _ofCall) = (budgets, holds);

    public async ValueTask EnterAsync(CallScope tried, CallEstimate estimate, CancellationToken cancellation)
    {
        if (_ofModel.Count > 0) BudgetAdmission.Release(_ofModel);
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
        if (_ofCall.Count > 0) BudgetAdmission.Release(_ofCall);
        if (_ofModel.Count > 0) BudgetAdmission.Release(_ofModel);
        return default;
    }
}
