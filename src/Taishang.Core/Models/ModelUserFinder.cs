using Taishang.Core.Api;
using Taishang.Core.Collections;
using Taishang.Core.Data;
using Taishang.Core.Gateway.Routes;
using Taishang.Core.Tasks;
using Taishang.Core.Tasks.Schedules;

namespace Taishang.Core.Models;

/// <summary>
/// Finds who names a model: collections that are bound to it, aliases of its versions, routes that lead to it, and
/// schedules and live tasks whose payload has it at <c>model</c>. A task that names a collection uses the model through
/// that.
/// </summary>
internal sealed class ModelUserFinder(
    CollectionStore collections, ModelAliasStore aliases, RouteStore routes, ScheduleStore schedules, TaskModels tasks,
    ModelGate gate)
{
    public async Task<ModelUsage> FindAsync(Model model, CancellationToken cancellation)
    {
        var (bound, total) = await collections.OfModelAsync(model.Id, ModelUsage.RowsMax, cancellation);
        var known = new Dictionary<string, bool>();
        var routed = await MineAsync(model, await routes.NamingModelsAsync(cancellation), known, cancellation);
        var planned = await MineAsync(
            model, await schedules.NamingModelsAsync(ModelUsage.ReadMax, cancellation), known, cancellation);
        var live = await MineAsync(
            model, await tasks.ReadAsync(ModelUsage.ReadMax, cancellation), known, cancellation);
        var own = await aliases.ListAsync(model.Id, cancellation);
        return new ModelUsage
        {
            Collections = new(total, [.. bound.Select(
                row => new ModelUserCollection(row.Id, row.Name, row.ModelMajor ?? 0))]),
            Aliases = ModelUsers<ModelUserAlias>.Of([.. own.Select(
                row => new ModelUserAlias(row.Alias, row.Version))]),
            Routes = ModelUsers<ModelUserRoute>.Of([.. routed.Select(
                row => new ModelUserRoute(row.Id, row.Name, row.Reference))]),
            Schedules = ModelUsers<ModelUserSchedule>.Of([.. planned.Select(
                row => new ModelUserSchedule(row.Id, row.Name, row.Reference))]),
            Tasks = ModelUsers<ModelUserTask>.Of([.. live.Select(
                row => new ModelUserTask(row.Id, row.Name, row.Reference))]),
            RetireAt = model.RetireAt,
        };
    }

    private async Task<List<NamedReference>> MineAsync(
        Model model, IReadOnlyList<NamedReference> rows, Dictionary<string, bool> known,
        CancellationToken cancellation)
    {
        var mine = new List<NamedReference>();
        foreach (var row in rows)
        {
            if (!known.TryGetValue(row.Reference, out var leads))
                known[row.Reference] = leads = await LeadsAsync(model, row.Reference, cancellation);
            if (leads) mine.Add(row);
        }

        return mine;
    }

    private async Task<bool> LeadsAsync(Model model, string reference, CancellationToken cancellation)
    {
        // Most references name other models, and need no look into the database.
        if (!reference.Contains(model.Name, StringComparison.Ordinal)
            && !reference.StartsWith(model.Id, StringComparison.Ordinal)) return false;
        try
        {
            return (await gate.ResolveAsync(reference, cancellation)).Id == model.Id;
        }
        catch (ApiException e) when (e.Code == ErrorCodes.ModelNotFound || e.Code == ErrorCodes.ModelInvalid)
        {
            return false;
        }
    }
}
