using Microsoft.Extensions.DependencyInjection;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.Data;
using Taishang.Testing.Hosts;
using static Taishang.Core.Tests.Models.ModelWorld;

namespace Taishang.Core.Tests.Models;

public sealed class ModelSecretTests
{
    private const string Secret = "sk-very-secret-7";

    [Fact]
    public async Task A_secret_reaches_the_worker_and_nobody_else()
    {
        await using var host = await CoreHost.StartAsync();
        var created = await host.Api.PostAsync(Root,
            $$"""
            {"name":"n","provider":"p","version":"1.0.0","endpoint":"http://127.0.0.1:9/v1","config":{
              "api_key":"{{Secret}}","max_tokens":5,"headers":{"Authorization":"Bearer {{Secret}}"},
              "keys":[{"client_secret":"{{Secret}}"}] } }
            """);
        var id = created.String("id");
        Assert.Equal(
            """{"api_key":"***","max_tokens":5,"headers":{"Authorization":"***"},"keys":[{"client_secret":"***"}]}""",
            created["config"].GetRawText());
        foreach (var path in (string[])["", $"/{id}", $"/{id}/versions"])
            Assert.DoesNotContain("very-secret", (await host.Api.GetAsync(Root + path)).Text, StringComparison.Ordinal);
        Assert.Equal(3, Count(host.Ai.RequestsOf<TestModelRequest>().Single().Model.ConfigJson));

        var rows = await host.Services.GetRequiredService<Database>().ReadAsync(
            session => session.QueryAsync<string>(
                "SELECT config FROM tai_models UNION ALL SELECT config FROM tai_model_versions"),
            CancellationToken.None);
        Assert.All(rows, row => Assert.Equal(0, Count(row)));
    }

    [Fact]
    public async Task The_mask_keeps_what_is_stored_and_a_new_value_replaces_it()
    {
        await using var host = await CoreHost.StartAsync();
        var id = await host.RegisterAsync(
            $$"""{"name":"n","provider":"p","version":"1.0.0","config":{"api_key":"{{Secret}}"} }""");
        await host.Api.PutAsync($"{Root}/{id}", """{"version":"1.0.1","config":{"api_key":"***","x":1}}""");
        Assert.Equal($$"""{"api_key":"{{Secret}}","x":1}""", Last(host));
        await host.Api.PutAsync($"{Root}/{id}", """{"version":"1.0.2","config":{"api_key":"other"}}""");
        Assert.Equal("""{"api_key":"other"}""", Last(host));
        await host.Api.PutAsync($"{Root}/{id}", """{"version":"1.0.3"}""");
        Assert.Equal("""{"api_key":"other"}""", Last(host));
    }

    [Fact]
    public async Task A_server_with_another_key_says_so_and_still_lists()
    {
        using var folder = new Taishang.Testing.Processes.TestFolder();
        string id;
        var connection = folder.File("core.db");
        await using (var first = await CoreHost.StartAsync(new CoreHostOptions { Connection = connection }))
            id = await first.RegisterAsync(
                $$"""{"name":"n","provider":"p","version":"1.0.0","config":{"api_key":"{{Secret}}"} }""");

        await using var second = await CoreHost.StartAsync(new CoreHostOptions { Connection = connection });
        Assert.Equal("***", (await second.Api.GetAsync($"{Root}/{id}")).String("config.api_key"));
        var answer = await second.Api.PostAsync($"{Root}/{id}/test");
        Assert.Equal(20010, answer.Code);
        Assert.Contains("another key", answer.Message, StringComparison.Ordinal);
        Assert.Equal(0, (await second.Api.PutAsync(
            $"{Root}/{id}", """{"version":"1.0.1","config":{"api_key":"new"}}""")).Code);
        Assert.Equal("""{"api_key":"new"}""", Last(second));
    }

    private static int Count(string text) => text.Split(Secret).Length - 1;

    private static string Last(CoreHost host) => host.Ai.RequestsOf<TestModelRequest>().Last().Model.ConfigJson;
}
