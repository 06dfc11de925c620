using Taishang.Core.Gateway;

namespace Taishang.Core.Costs;

/// <summary>All budgets at one revision, laid out so that a call sees few of those that do not cover it.</summary>
internal sealed class BudgetSet
{
    private readonly Dictionary<string, Budget[]> _ofKeys;
    private readonly Dictionary<string, Budget[]> _ofTenants;
    private readonly Dictionary<string, Budget[]> _ofRoutes;
    private readonly Budget[] _others;
    private readonly Dictionary<string, Budget[]> _ofModels;

    public BudgetSet(long revision, IReadOnlyList<Budget> budgets)
    {
        Revision = revision;
        ById = budgets.ToDictionary(budget => budget.Id, StringComparer.Ordinal);
        _ofModels = By(budgets.Where(one => one.Model is not null), one => one.Model!);
        var rest = budgets.Where(one => one.Model is null).ToList();
        _ofKeys = By(rest.Where(one => one.KeyId is not null), one => one.KeyId!);
        rest.RemoveAll(one => one.KeyId is not null);
        _ofTenants = By(rest.Where(one => one.Tenant is not null), one => one.Tenant!);
        rest.RemoveAll(one => one.Tenant is not null);
        _ofRoutes = By(rest.Where(one => one.Route is not null), one => one.Route!);
        _others = [.. rest.Where(one => one.Route is null)];
    }

    public long Revision { get; }

    public IReadOnlyDictionary<string, Budget> ById { get; }

    /// <summary>Those that cover a call whichever model serves it; null for none.</summary>
    public List<Budget>? OfCall(CallScope scope)
    {
        List<Budget>? found = null;
        Add(_ofKeys, scope.KeyId, scope, ref found);
        Add(_ofTenants, scope.Tenant, scope, ref found);
        if (scope.Route is not null) Add(_ofRoutes, scope.Route, scope, ref found);
        if (_others.Length > 0) (found ??= []).AddRange(_others);
        return found;
    }

    /// <summary>Those that cover it when the scope's model serves it; null for none.</summary>
    public List<Budget>? OfModel(CallScope scope)
    {
        List<Budget>? found = null;
        Add(_ofModels, scope.ModelReference, scope, ref found);
        return found;
    }

    private static void Add(
        Dictionary<string, Budget[]> budgets, string name, CallScope scope, ref List<Budget>? found)
    {
        if (budgets.Count == 0 || !budgets.TryGetValue(name, out var named)) return;
        foreach (var budget in named)
        {
            if (budget.Covers(scope.Tenant, scope.KeyId, scope.Route)) (found ??= []).Add(budget);
        }
    }

    private static Dictionary<string, Budget[]> By(IEnumerable<Budget> budgets, Func<Budget, string> name) =>
        budgets.GroupBy(name, StringComparer.Ordinal)
            .ToDictionary(group => group.Key, group => group.ToArray(), StringComparer.Ordinal);
}
