using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Taishang.Ai;

/// <summary>taishang-ai as a whole: a gRPC worker.</summary>
public static class AiSetup
{
    /// <summary>Options are read from the section `Taishang:Ai`.</summary>
    public static IServiceCollection AddTaishangAi(this IServiceCollection services, IConfiguration configuration) =>
        services;

    public static void MapTaishangAi(this WebApplication app)
    {
    }
}
