using Taishang.Core.Api;
using Taishang.Core.Models;

namespace Taishang.Core.Gateway.Routes;

/// <summary>
/// Holds a route's models against each other: all must exist, and do the same. An embedding of another length, or from
/// a classifier, in the place of the one that was asked for would be worse than an error.
/// </summary>
internal sealed class RouteModels(ModelGate gate, ModelStore models)
{
    /// <exception cref="ApiException">With every reference that leads nowhere or does something else.</exception>
    public async Task CheckAsync(RouteDefinition definition, CancellationToken cancellation)
    {
        var errors = new FieldErrors();
        Model? first = null;
        foreach (var (path, reference) in References(definition))
        {
            if (await FindAsync(path, reference, errors, cancellation) is not { } model) continue;
            if (first is null)
            {
                if (model.Kind is not null) first = model;
                continue;
            }

            if (model.Kind is null) continue;
            if (model.Kind != first.Kind)
                Add(errors, path, $"{model.Reference} is of kind {model.Kind}, {first.Reference} of {first.Kind}");
            else if (model.Dims != first.Dims)
                Add(errors, path, $"{model.Reference} gives {model.Dims} dimensions, {first.Reference} {first.Dims}");
        }

        errors.ThrowIfAny();
    }

    private async Task<Model?> FindAsync(
        string path, string reference, FieldErrors errors, CancellationToken cancellation)
    {
        try
        {
            var model = await gate.ResolveAsync(reference, cancellation);
            if (reference == model.Id || reference == model.Name || reference == model.Reference) return model;
            ModelReference.TrySplit(reference, out _, out var selector);
            var version = ModelReference.IsAlias(selector)
                ? await models.FindAliasedAsync(model.Id, selector, cancellation)
                : await models.FindVersionAsync(model.Id, selector, cancellation);
            if (version is null)
            {
                errors.Add(
                    ModelReference.IsAlias(selector) ? ErrorCodes.ModelAliasNotFound : ErrorCodes.ModelVersionNotFound,
                    path, $"the model {model.Reference} has no '{selector}'");
                return null;
            }

            (model.Kind, model.Dims) = (version.Kind, version.Dims);
            return model;
        }
        catch (ApiException e) when (e.Code == ErrorCodes.ModelNotFound || e.Code == ErrorCodes.ModelInvalid)
        {
            errors.Add(e.Code, path, e.Message);
            return null;
        }
    }

    private static IEnumerable<(string Path, string Reference)> References(RouteDefinition definition) =>
        definition.Targets.Select((target, i) => ($"targets[{i}].model", target.Model))
            .Concat((definition.Fallbacks ?? []).Select((target, i) => ($"fallbacks[{i}].model", target.Model)))
            .Concat(definition.Shadow is { } shadow ? [("shadow.model", shadow.Model)] : []);

    private static void Add(FieldErrors errors, string path, string why) =>
        errors.Add(ErrorCodes.ModelIncompatible, path, why);
}
