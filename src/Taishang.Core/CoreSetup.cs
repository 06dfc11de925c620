using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Taishang.Core.AiClient;
using Taishang.Core.Alerts;
using Taishang.Core.Api;
using Taishang.Core.Collections;
using Taishang.Core.Costs;
using Taishang.Core.Data;
using Taishang.Core.Gateway;
using Taishang.Core.Health;
using Taishang.Core.Models;
using Taishang.Core.ServiceCalls;
using Taishang.Core.Tasks;
using Taishang.Core.Vectors;

namespace Taishang.Core;

/// <summary>taishang-core as a whole: its slices added and mapped, nothing else.</summary>
public static class CoreSetup
{
    /// <summary>
    /// Options are read from the section `Taishang` of the whole configuration; a slice is handed that section and
    /// documents its own part.
    /// </summary>
    public static IServiceCollection AddTaishangCore(this IServiceCollection services, IConfiguration configuration)
    {
        services.TryAddSingleton(TimeProvider.System);
        configuration = configuration.GetSection("Taishang");
        services.AddApi(configuration);
        services.AddData(configuration);
        services.AddCosts(configuration);
        services.AddAiClient(configuration);
        services.AddModels(configuration);
        services.AddGateway(configuration);
        services.AddCollections(configuration);
        services.AddVectors(configuration);
        services.AddTasks(configuration);
        services.AddAlerts(configuration);
        services.AddServiceCalls();
        services.AddHealth();
        return services;
    }

    public static void MapTaishangCore(this WebApplication app)
    {
        app.UseApi();
        app.UseRequestBudget(app.Services.GetRequiredService<TimeProvider>());
        app.MapModels();
        app.MapGateway();
        app.MapCosts();
        app.MapCollections();
        app.MapVectors();
        app.MapTasks();
        app.MapAlerts();
        app.MapServiceCalls();
    }
}
