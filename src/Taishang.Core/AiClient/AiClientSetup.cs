using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Taishang.Core.AiClient;

/// <summary>Registers the client of ai.</summary>
internal static class AiClientSetup
{
    public static void AddAiClient(this IServiceCollection services, IConfiguration configuration)
    {
    }
}
