using Taishang.Core.Api;
using Taishang.Core.Gateway.Routes;
using Taishang.Core.Models;

namespace Taishang.Core.Gateway.OpenAi;

/// <summary>What may stand at <c>model</c>: every route, and every model that may be called.</summary>
internal static class OpenAiModels
{
    /// <summary>Of routes, and of models: the form has no pages.</summary>
    private const int ListedMax = 1_000;

    public static async Task<IReadOnlyList<OpenAiModel>> ListAsync(
        RouteStore routes, ModelStore models, CancellationToken cancellation)
    {
        var entries = new List<OpenAiModel>();
        await AllAsync(query => routes.ListAsync(query, null, cancellation), row => entries.Add(OpenAiModel.Of(row)));
        await AllAsync(
            query => models.ListAsync(query, cancellation),
            model =>
            {
                if (model.Status != ModelStatus.Inactive) entries.Add(OpenAiModel.Of(model));
            });
        return entries;
    }

    private static async Task AllAsync<T>(
        Func<ListQuery, Task<(IReadOnlyList<T> Rows, long Total)>> list, Action<T> add)
    {
        for (var page = 1; page <= ListedMax / ListQuery.PageSizeMax; page++)
        {
            var (rows, total) = await list(new ListQuery(
                page, ListQuery.PageSizeMax, new ListSort("name", false), new Dictionary<string, string>()));
            foreach (var row in rows) add(row);
            if (page * ListQuery.PageSizeMax >= total) return;
        }
    }
}

/// <summary>A model in OpenAI's form.</summary>
/// <param name="Id">What stands at `model` of a call.</param>
/// <param name="Created">Seconds since 1970.</param>
/// <param name="OwnedBy">The provider; taishang for a route.</param>
internal sealed record OpenAiModel(string Id, long Created, string OwnedBy)
{
    public string Object => "model";

    public static OpenAiModel Of(ModelRoute route) => new(route.Name, route.CreatedAt.ToUnixTimeSeconds(), "taishang");

    public static OpenAiModel Of(Model model) =>
        new(model.Reference, model.CreatedAt.ToUnixTimeSeconds(), model.Provider);
}
