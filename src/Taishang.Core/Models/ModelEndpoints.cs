using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Taishang.Core.Api;
using Taishang.Core.Data;
using Taishang.Core.Security;

namespace Taishang.Core.Models;

/// <summary>Routes of models: registering, reading, versions.</summary>
internal static class ModelEndpoints
{
    private static readonly string[] ListFilters = ["name", "provider", "version", "status", "tag"];
    private static readonly string[] ListSorts = ["name", "provider", "created_at", "updated_at"];
    private static readonly string[] VersionSorts = ["created_at"];

    public static void MapModels(this IEndpointRouteBuilder routes)
    {
        var models = routes.MapGroup("/api/taishang/models");
        models.MapGet("", ListAsync);
        models.MapPost("", CreateAsync).WithIdempotency();
        models.MapGet("{id}", GetAsync);
        models.MapPut("{id}", UpdateAsync);
        models.MapDelete("{id}", DeleteAsync);
        models.MapGet("{id}/versions", ListVersionsAsync);
        models.MapGet("{id}/usage", UsageAsync);
        models.MapPost("{id}/rollback", RollbackAsync);
        models.MapModelLife();
        models.MapModelAliases();
        models.MapModelCards();
        models.MapPost("{id}/infer", InferEndpoint.InferAsync);
    }

    private static async Task<IResult> ListAsync(
        HttpContext context, ModelStore store, CancellationToken cancellation)
    {
        var query = ListQuery.Read(context.Request.Query, ListFilters, ListSorts);
        query.OneOf("status", ModelStatus.Active, ModelStatus.Inactive, ModelStatus.Deprecated);
        var (rows, total) = await store.ListAsync(query, cancellation);
        return Envelope.Page("models", rows.Select(ModelAnswer.Of).ToList(), total);
    }

    /// <summary>Saved first, so that a worker that is down, or dies of the test, loses no registration.</summary>
    private static async Task<IResult> CreateAsync(
        HttpContext context, ModelStore store, ModelGate gate, ModelTester tester, EndpointRule rule,
        ConfigSecrets secrets, TimeProvider time, CancellationToken cancellation)
    {
        var body = await JsonBody.ReadAsync<ModelCreate>(context, cancellation);
        var major = ModelRules.Check(body);
        if (body.Endpoint is not null) await rule.CheckAsync(body.Endpoint, cancellation);

        var now = time.GetUtcNow();
        var id = context.NewRowId(time);
        var config = body.Config is { } given ? secrets.Seal(ModelRules.Object(given), null, id) : "{}";
        var version = new ModelVersion
        {
            Id = RowId.New(now),
            ModelId = id,
            Version = body.Version,
            Major = major,
            Endpoint = body.Endpoint,
            Config = config,
            CreatedAt = now,
        };
        var model = await store.InsertAsync(
            new Model
            {
                Id = id,
                Name = body.Name,
                Provider = body.Provider,
                Version = body.Version,
                StatusReason = "the connection was not tested yet",
                Endpoint = body.Endpoint,
                Config = config,
                CreatedAt = now,
                UpdatedAt = now,
            },
            version, cancellation);

        var test = await tester.TryTestAsync(model, version, cancellation);
        if (test is { Passed: true, Kind: not null })
            await store.FillFactsAsync(id, version.Version, test, cancellation);
        var active = test.Passed && body.Status != ModelStatus.Inactive;
        await store.SetStatusAsync(
            model, active ? ModelStatus.Active : ModelStatus.Inactive, test.Reason, cancellation);
        gate.Forget();
        return Envelope.Created(ModelAnswer.Of(await store.GetAsync(id, cancellation)));
    }

    private static async Task<IResult> GetAsync(string id, ModelStore store, CancellationToken cancellation) =>
        Envelope.Ok(ModelAnswer.Of(await store.GetAsync(id, cancellation)));

    /// <summary>
    /// A model that is being called only changes to a version that passed its test; one that is not keeps the new
    /// version with the reason, so that it can be mended step by step.
    /// </summary>
    private static async Task<IResult> UpdateAsync(
        string id, HttpContext context, ModelStore store, ModelGate gate, ModelTester tester, EndpointRule rule,
        ConfigSecrets secrets, TimeProvider time, CancellationToken cancellation)
    {
        var body = await JsonBody.ReadAsync<ModelUpdate>(context, cancellation);
        var major = ModelRules.Check(body);
        var model = await store.GetAsync(id, cancellation);
        if (body.Config is { } asked) ModelConfigSchema.Require(model.Provider, asked);
        var config = body.Config is { } given ? secrets.Seal(ModelRules.Object(given), model.Config, id) : model.Config;
        var endpoint = body.Endpoint ?? model.Endpoint;
        if (await store.FindVersionAsync(id, body.Version, cancellation) is { } existing)
        {
            if (model.Version == body.Version && existing.Endpoint == endpoint
                && secrets.Same(existing.Config, config, id)) return Envelope.Ok(ModelAnswer.Of(model));
            throw new ApiException(
                ErrorCodes.ModelVersionExists,
                $"version: {body.Version} exists and is immutable; give another version, or roll back to it");
        }

        if (body.Endpoint is not null) await rule.CheckAsync(body.Endpoint, cancellation);
        var now = time.GetUtcNow();
        var version = new ModelVersion
        {
            Id = RowId.New(now),
            ModelId = id,
            Version = body.Version,
            Major = major,
            Endpoint = endpoint,
            Config = config,
            CreatedAt = now,
        };
        var running = model.Status != ModelStatus.Inactive;
        var test = running
            ? await tester.TestAsync(model, version, cancellation)
            : await tester.TryTestAsync(model, version, cancellation);
        if (test.Passed)
        {
            if (await tester.MisfitAsync(id, version, test, cancellation) is { } misfit)
                throw new ApiException(
                    ErrorCodes.ModelIncompatible, $"version: {misfit}; a new promise is a new major or minor");
            (version.Kind, version.Dims, version.Checksum) = (test.Kind, test.Dims, test.Checksum);
            version.Facts = ModelFacts.TextOf(test);
        }
        else if (running)
        {
            throw new ApiException(ErrorCodes.ModelTestFailed, $"version {body.Version} was not added: {test.Reason}");
        }

        await store.AddVersionAsync(model, version, test.Reason, cancellation);
        gate.Forget();
        return Envelope.Ok(ModelAnswer.Of(await store.GetAsync(id, cancellation)));
    }

    private static async Task<IResult> DeleteAsync(
        string id, ModelStore store, ModelUserFinder users, ModelGate gate, CancellationToken cancellation)
    {
        var model = await store.GetAsync(id, cancellation);
        (await users.FindAsync(model, cancellation)).ThrowIfUsed();
        await store.DeleteAsync(id, cancellation);
        gate.Forget();
        return Envelope.Done();
    }

    private static async Task<IResult> UsageAsync(
        string id, ModelStore store, ModelUserFinder users, CancellationToken cancellation) =>
        Envelope.Ok(await users.FindAsync(await store.GetAsync(id, cancellation), cancellation));

    private static async Task<IResult> ListVersionsAsync(
        string id, HttpContext context, ModelStore store, CancellationToken cancellation)
    {
        var query = ListQuery.Read(context.Request.Query, [], VersionSorts);
        var model = await store.GetAsync(id, cancellation);
        var (rows, total) = await store.ListVersionsAsync(id, query, cancellation);
        return Envelope.Page(
            "versions", rows.Select(row => ModelVersionAnswer.Of(row, row.Version == model.Version)).ToList(), total);
    }

    /// <summary>Without a test: a rollback is for the moment in which the newer version does harm.</summary>
    private static async Task<IResult> RollbackAsync(
        string id, HttpContext context, ModelStore store, ModelGate gate, CancellationToken cancellation)
    {
        var body = await JsonBody.ReadAsync<ModelRollback>(context, cancellation);
        ModelRules.Check(body);
        var model = await store.GetAsync(id, cancellation);
        var version = await store.FindVersionAsync(id, body.Version, cancellation)
            ?? throw new ApiException(
                ErrorCodes.ModelVersionNotFound, $"version: the model has no version {body.Version}");
        if (model.Version != version.Version) await store.UseVersionAsync(model, version, cancellation);
        gate.Forget();
        return Envelope.Ok(ModelAnswer.Of(await store.GetAsync(id, cancellation)));
    }
}
