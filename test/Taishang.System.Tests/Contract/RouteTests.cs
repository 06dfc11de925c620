using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Taishang.Core;
using Taishang.Hosting;
using Taishang.Testing.Processes;

namespace Taishang.System.Tests.Contract;

/// <summary>The routes that core maps and the paths that the file names are the same set.</summary>
public sealed class RouteTests
{
    [Fact]
    public async Task Every_route_of_core_is_in_the_contract_and_every_path_of_the_contract_is_a_route()
    {
        var contract = ContractFile.Open().Operations
            .Select(operation => $"{operation.Method} {Shape(operation.Path)}").ToHashSet();
        var routes = await RoutesAsync();
        Assert.Empty(routes.Except(contract));
        Assert.Empty(contract.Except(routes));
    }

    private static async Task<IReadOnlyCollection<string>> RoutesAsync()
    {
        using var folder = new TestFolder();
        var builder = WebApplication.CreateBuilder();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Taishang:Data"] = folder.Path,
            ["Taishang:Database:Connection"] = folder.File("taishang.db"),
            ["Taishang:Ai:Addresses"] = "http://127.0.0.1:1",
        });
        builder.AddTaishangHosting();
        builder.Services.AddTaishangCore(builder.Configuration);
        await using var app = builder.Build();
        app.UseTaishangHosting();
        app.UseRouting();
        app.MapTaishangCore();
        app.MapTaishangHosting();
        return
        [
            .. from source in ((IEndpointRouteBuilder)app).DataSources
               from endpoint in source.Endpoints.OfType<RouteEndpoint>()
               from method in endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? ["GET"]
               select $"{method} {Shape("/" + endpoint.RoutePattern.RawText!.Trim('/'))}",
        ];
    }

    /// <summary>Names of parameters are each side's own affair.</summary>
    private static string Shape(string path) =>
        string.Join('/', path.Split('/').Select(part => part.StartsWith('{') ? "{}" : part));
}
