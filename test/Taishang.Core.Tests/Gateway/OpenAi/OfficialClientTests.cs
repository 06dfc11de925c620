using System.ClientModel;
using System.ClientModel.Primitives;
using OpenAI;
using OpenAI.Embeddings;
using Taishang.Core.Api;

namespace Taishang.Core.Tests.Gateway.OpenAi;

/// <summary>The official client of OpenAI, whose every request and answer is its own affair.</summary>
public sealed class OfficialClientTests
{
    [Fact]
    public async Task Embeddings_of_every_form_are_read_back()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterAsync("a");
        await world.RouteAsync("main", """{"model":"a"}""");
        foreach (var model in (string[])["main", "builtin/a"])
        {
            var client = ClientOf(world).GetEmbeddingClient(model);
            var one = (await client.GenerateEmbeddingAsync("xyz")).Value;
            Assert.Equal([3f, 4f, 5f, 6f], one.ToFloats().ToArray());
            var many = (await client.GenerateEmbeddingsAsync(
                ["x", "yy"], new EmbeddingGenerationOptions { Dimensions = 4, EndUserId = "someone" })).Value;
            Assert.Equal([1f, 2f], many.Select(embedding => embedding.ToFloats().Span[0]));
        }
    }

    [Fact]
    public async Task Chats_are_read_whole_and_as_a_stream()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterAsync("talk");
        var client = ClientOf(world).GetChatClient("builtin/talk");
        Assert.Equal("I am talk", (await client.CompleteChatAsync("hi")).Value.Content[0].Text);
        var parts = new List<string>();
        await foreach (var update in client.CompleteChatStreamingAsync("hi"))
            parts.AddRange(update.ContentUpdate.Select(part => part.Text));
        Assert.Equal(["I am ", "talk"], parts);
    }

    [Fact]
    public async Task Models_are_listed_and_a_limit_is_waited_out_by_the_client_itself()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterAsync("a");
        await world.RouteAsync("main", """{"model":"a"}""");
        var client = ClientOf(world, retries: 1);
        var models = (await client.GetOpenAIModelClient().GetModelsAsync()).Value;
        Assert.Contains(models, model => model.Id == "main" && model.OwnedBy == "taishang");
        world.Faults["a"] = () =>
        {
            world.Faults.Clear();
            return new ApiException(ErrorCodes.ModelUpstreamLimited, retryAfter: TimeSpan.FromSeconds(1));
        };
        Assert.Equal(1f, (await client.GetEmbeddingClient("builtin/a").GenerateEmbeddingAsync("x")).Value
            .ToFloats().Span[0]);
        world.Faults["a"] = () => new ApiException(ErrorCodes.ModelUpstreamFailed);
        var error = await Assert.ThrowsAsync<ClientResultException>(
            () => ClientOf(world).GetEmbeddingClient("builtin/a").GenerateEmbeddingAsync("new"));
        Assert.Equal(502, error.Status);
    }

    private static OpenAIClient ClientOf(GatewayWorld world, int retries = 0) => new(
        new ApiKeyCredential("key"),
        new OpenAIClientOptions
        {
            Endpoint = new Uri(world.Host.Address, "/v1"),
            RetryPolicy = new ClientRetryPolicy(retries),
        });
}
