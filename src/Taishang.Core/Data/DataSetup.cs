using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Taishang.Core.Data;

/// <summary>Registers the database, its schema and its monthly tables. Added first, so that it starts first.</summary>
internal static class DataSetup
{
    public static void AddData(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<DatabaseOptions>().Bind(configuration.GetSection("Database"));
        services.AddSingleton<DatabaseState>();
        services.AddSingleton(provider => Database.Open(
            provider.GetRequiredService<IOptions<DatabaseOptions>>().Value,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<DatabaseState>()));
        services.AddSingleton<Migrator>();
        services.AddSingleton<MonthlyTables>();
        services.AddHostedService<MigratorWorker>();
        services.AddHostedService<MonthlyTablesWorker>();
    }
}
