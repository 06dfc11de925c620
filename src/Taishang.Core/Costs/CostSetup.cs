using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Taishang.Core.Gateway;

namespace Taishang.Core.Costs;

/// <summary>Registers budgets and usage. Added early, so that it stops late: what calls have used is written
/// then.</summary>
internal static class CostSetup
{
    public static void AddCosts(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<CostOptions>().Bind(configuration.GetSection("Costs"))
            .ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton<CostMetrics>();
        services.AddSingleton<BudgetStore>();
        services.AddSingleton<BudgetDirectory>();
        services.AddSingleton<CostLedger>();
        services.AddSingleton<CostExchange>();
        services.AddSingleton<UsageStore>();
        services.AddSingleton<UsageCorrectionStore>();
        services.AddSingleton<ICallAdmission, BudgetAdmission>();
        services.AddSingleton<CostWorker>();
        services.AddHostedService(provider => provider.GetRequiredService<CostWorker>());
    }

    public static void MapCosts(this IEndpointRouteBuilder app)
    {
        app.MapBudgets();
        app.MapUsage();
    }
}
