using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Api;

namespace Taishang.Core.Tests.AiClient;

public sealed class RequestBudgetTests
{
    [Fact]
    public async Task A_caller_who_will_not_wait_gets_504_in_his_time_and_the_worker_is_let_go()
    {
        await using var worker = await FakeWorker.StartAsync();
        var letGo = new TaskCompletionSource();
        worker.Before = async (_, context) =>
        {
            await using var registration = context.CancellationToken.Register(letGo.SetResult);
            await letGo.Task;
        };
        await using var world = await ClientWorld.StartAsync(worker.Address);
        await using var app = await StartAsync(world);

        // Long enough for the call to reach the worker on a machine under load.
        var (status, code) = await AskAsync(app, "2000");

        Assert.Equal((504, 90002), (status, code));
        await letGo.Task.WaitAsync(ClientWorld.Patience);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-5")]
    [InlineData("soon")]
    [InlineData("86400001")]
    public async Task A_budget_that_is_no_number_of_milliseconds_is_refused(string value)
    {
        await using var worker = await FakeWorker.StartAsync();
        await using var world = await ClientWorld.StartAsync(worker.Address);
        await using var app = await StartAsync(world);

        Assert.Equal((400, 10001), await AskAsync(app, value));
        Assert.Equal(0, worker.Count("SearchVectors"));
    }

    private static async Task<WebApplication> StartAsync(ClientWorld world)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        builder.Services.AddRouting();
        builder.Services.AddLogging();
        var app = builder.Build();
        app.UseErrorEnvelope();
        app.UseRequestBudget(TimeProvider.System);
        app.MapGet("/search", async (HttpContext context) => Envelope.Ok((await world.Client.CallAsync(
            AiCalls.SearchVectors, new SearchVectorsRequest(), null, context.RequestAborted)).EngineMicroseconds));
        await app.StartAsync();
        return app;
    }

    private static async Task<(int Status, int Code)> AskAsync(WebApplication app, string budgetMs)
    {
        using var http = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
        http.DefaultRequestHeaders.Add(RequestBudget.Header, budgetMs);
        using var response = await http.GetAsync("/search");
        using var body = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        return ((int)response.StatusCode, body.RootElement.GetProperty("code").GetInt32());
    }
}
