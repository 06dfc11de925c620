using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Taishang.Core.Api;

namespace Taishang.Core.Models;

/// <summary>
/// The verbs that move a model through its life. inactive → active only over a passed test; active → deprecated with
/// a day of retirement, which may be moved; both → inactive at any time. Asking for what already is succeeds.
/// </summary>
internal static class ModelLifeEndpoints
{
    public static void MapModelLife(this IEndpointRouteBuilder models)
    {
        models.MapPost("{id}/activate", ActivateAsync).WithoutBody();
        models.MapPost("{id}/deactivate", DeactivateAsync).WithoutBody();
        models.MapPost("{id}/deprecate", DeprecateAsync);
        models.MapPost("{id}/test", TestAsync).WithoutBody();
    }

    private static async Task<IResult> ActivateAsync(
        string id, ModelStore store, ModelGate gate, ModelTester tester, CancellationToken cancellation)
    {
        var model = await store.GetAsync(id, cancellation);
        if (model.Status == ModelStatus.Active) return Status(model.Status);
        if (model.Status == ModelStatus.Deprecated) throw Illegal(model, ModelStatus.Active);
        var version = await CurrentAsync(store, model, cancellation);
        var test = await tester.TestAsync(model, version, cancellation);
        if (!test.Passed)
        {
            await store.SetStatusAsync(model, ModelStatus.Inactive, test.Reason, cancellation);
            gate.Forget();
            throw new ApiException(ErrorCodes.ModelTestFailed, $"the model stays inactive: {test.Reason}");
        }

        await AcceptAsync(store, tester, version, test, cancellation);
        await store.SetStatusAsync(model, ModelStatus.Active, null, cancellation);
        gate.Forget();
        return Status(ModelStatus.Active);
    }

    private static async Task<IResult> DeactivateAsync(
        string id, ModelStore store, ModelGate gate, CancellationToken cancellation)
    {
        var model = await store.GetAsync(id, cancellation);
        if (model.Status == ModelStatus.Inactive) return Status(model.Status);
        await store.SetStatusAsync(model, ModelStatus.Inactive, "deactivated", cancellation);
        gate.Forget();
        return Status(ModelStatus.Inactive);
    }

    private static async Task<IResult> DeprecateAsync(
        string id, HttpContext context, ModelStore store, ModelUserFinder users, ModelGate gate, TimeProvider time,
        CancellationToken cancellation)
    {
        var body = await JsonBody.ReadAsync<ModelDeprecate>(context, cancellation);
        var now = time.GetUtcNow();
        ModelRules.CheckRetirement(body.RetireAt, now);
        var model = await store.GetAsync(id, cancellation);
        if (model.Status == ModelStatus.Inactive) throw Illegal(model, ModelStatus.Deprecated);
        await store.SetStatusAsync(
            model, ModelStatus.Deprecated, $"deprecated, retires at {UtcTimeConverter.Text(body.RetireAt)}",
            cancellation, model.DeprecatedAt ?? now, body.RetireAt);
        gate.Forget();
        var usage = await users.FindAsync(await store.GetAsync(id, cancellation), cancellation);
        return Envelope.Ok(new { status = ModelStatus.Deprecated, body.RetireAt, usage });
    }

    private static async Task<IResult> TestAsync(
        string id, ModelStore store, ModelGate gate, ModelTester tester, CancellationToken cancellation)
    {
        var model = await store.GetAsync(id, cancellation);
        var version = await CurrentAsync(store, model, cancellation);
        var test = await tester.TestAsync(model, version, cancellation);
        if (test.Passed) await AcceptAsync(store, tester, version, test, cancellation);
        gate.Forget();
        return Envelope.Ok(test);
    }

    private static async Task AcceptAsync(
        ModelStore store, ModelTester tester, ModelVersion version, ModelTest test, CancellationToken cancellation)
    {
        if (await tester.MisfitAsync(version.ModelId, version, test, cancellation) is { } misfit)
            throw new ApiException(ErrorCodes.ModelIncompatible, misfit);
        if (version.Kind is null && test.Kind is not null)
            await store.FillFactsAsync(version.ModelId, version.Version, test, cancellation);
    }

    private static async Task<ModelVersion> CurrentAsync(
        ModelStore store, Model model, CancellationToken cancellation) =>
        await store.FindVersionAsync(model.Id, model.Version, cancellation)
            ?? throw new ApiException(ErrorCodes.ModelVersionNotFound);

    private static ApiException Illegal(Model model, string wanted) => new(
        ErrorCodes.ModelTransition, $"a model that is {model.Status} can not become {wanted}");

    private static IResult Status(string status) => Envelope.Ok(new { status });
}
