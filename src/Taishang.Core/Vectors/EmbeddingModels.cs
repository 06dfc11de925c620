using Microsoft.AspNetCore.Http;
using Taishang.Core.Api;
using Taishang.Core.Collections;
using Taishang.Core.Models;

namespace Taishang.Core.Vectors;

/// <summary>
/// Which model turns text into vectors. A collection is bound to a major version: what is written with one version of
/// it can be searched with the next, and never with another major, whose vectors mean something else.
/// </summary>
internal sealed class EmbeddingModels(ModelGate gate)
{
    public const int ReferenceCharactersMax = ModelReference.LengthMax;

    private const string EmbeddingKind = "embedding";

    /// <summary>The collection with its model filled in.</summary>
    /// <exception cref="ApiException">No such model, not usable, no embedding model, or of other
    /// dimensions.</exception>
    public async Task<Collection> AttachAsync(
        Collection row, string reference, HttpContext context, CancellationToken cancellation)
    {
        var usable = await FindAsync(reference, context, cancellation);
        if (usable.Version.Dims != row.Dims)
        {
            var gives = usable.Version.Dims is { } dims
                ? $"gives {dims}"
                : "has not told its dimensions: test it first";
            throw Incompatible(
                "dims", $"expected those of the model {usable.Model.Reference}, which {gives}, came {row.Dims}");
        }

        return row with
        {
            ModelId = usable.Model.Id,
            ModelMajor = usable.Version.Major,
            Model = usable.Model.Reference,
        };
    }

    /// <summary>The newest version of the major that the collection is bound to.</summary>
    public Task<UsableModel> OfCollectionAsync(
        Collection collection, HttpContext? context, CancellationToken cancellation) =>
        gate.RequireAsync(collection.ModelId!, collection.ModelMajor, context, cancellation);

    /// <param name="reference">Id, provider/name or name, perhaps with @alias or @version; null for the
    /// default.</param>
    /// <param name="context">Takes the headers of a deprecated model; null outside of a request.</param>
    /// <exception cref="ApiException">No such model, not usable, or no embedding model.</exception>
    public async Task<UsableModel> FindAsync(
        string? reference, HttpContext? context, CancellationToken cancellation)
    {
        var usable = reference is null
            ? await gate.RequireDefaultEmbeddingAsync(context, cancellation)
            : await gate.RequireAsync(reference, null, context, cancellation);
        // A model whose test never passed has no kind: its first call will tell.
        if (usable.Version.Kind is null or EmbeddingKind) return usable;
        throw Incompatible(
            "model", $"expected an embedding model, came {usable.Model.Reference} of kind {usable.Version.Kind}");
    }

    private static ApiException Incompatible(string field, string message) => new(
        ErrorCodes.ModelIncompatible, $"{field}: {message}",
        [new FieldError(field, ErrorCodes.ModelIncompatible.Number, message)]);
}
