using Microsoft.Extensions.DependencyInjection;
using Taishang.Core.Api;
using Taishang.Core.Costs;
using Taishang.Core.Gateway;

namespace Taishang.Core.Tests.Costs;

/// <summary>A process that admits calls.</summary>
internal sealed class CostNode(ServiceProvider services, CountingDatabase door) : IAsyncDisposable
{
    public const string Model = "builtin/a";

    /// <summary>To the database.</summary>
    public CountingDatabase Door { get; } = door;

    public CostWorker Worker => Get<CostWorker>();

    public static CallScope Scope { get; } = new("acme", "key", "id", Model, "1.0.0", null, "USD");

    public T Get<T>()
        where T : notnull => services.GetRequiredService<T>();

    /// <summary>Reserves and tries: what comes before the model is called.</summary>
    public async Task<IReservation> AdmitAsync(
        long tokens = 10, CallScope? scope = null, decimal? cost = null, CancellationToken cancellation = default)
    {
        var estimate = new CallEstimate(tokens, 0, cost is null ? [] : [new CostAnswer(cost.Value, "USD")]);
        var reservation = await Get<ICallAdmission>().ReserveAsync(scope ?? Scope, estimate, cancellation);
        try
        {
            await reservation.EnterAsync(scope ?? Scope, estimate, cancellation);
            return reservation;
        }
        catch
        {
            await reservation.DisposeAsync();
            throw;
        }
    }

    /// <summary>The code that refuses it; 0 where it was admitted and used as much as it said.</summary>
    public async Task<int> CallAsync(long tokens = 10, CallScope? scope = null, decimal? cost = null)
    {
        try
        {
            await using var reservation = await AdmitAsync(tokens, scope, cost);
            await SettleAsync(reservation, tokens, cost);
            return 0;
        }
        catch (ApiException e)
        {
            return e.Code.Number;
        }
    }

    public static ValueTask SettleAsync(IReservation reservation, long tokens, decimal? cost = null) =>
        reservation.SettleAsync(
            new CallUsage(tokens, 0, cost, Model, "1.0.0", false, cost is null ? null : "USD"), default);

    /// <summary>As an orderly stop, and the services with it.</summary>
    public async ValueTask DisposeAsync()
    {
        await Worker.StopAsync(default);
        await services.DisposeAsync();
    }
}
