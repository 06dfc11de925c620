using System.ClientModel;
using System.ClientModel.Primitives;
using OpenAI;
using OpenAI.Chat;
using Taishang.Testing.Processes;

namespace Taishang.System.Tests.EndToEnd;

/// <summary>
/// The official client of OpenAI against the executable, its models, and a real endpoint behind it: nothing of the
/// client is changed but its address.
/// </summary>
public sealed class OpenAiClientTests
{
    [Fact]
    public async Task The_official_client_embeds_chats_streams_and_lists_through_routes_and_models()
    {
        using var folder = new TestFolder();
        await using var endpoint = await ChatEndpoint.StartAsync();
        await using var server = await ServerProcess.StartReadyAsync(folder.Path);
        await RegisterAsync(server, endpoint);
        var client = ClientOf(server);

        var embeddings = (await client.GetEmbeddingClient("texts")
            .GenerateEmbeddingsAsync(["好天气", "a fine day"])).Value;
        Assert.Equal((2, 1_024), (embeddings.Count, embeddings[1].ToFloats().Length));
        Assert.True(embeddings.Usage.TotalTokenCount > 0);

        var chat = client.GetChatClient("talks");
        var completion = (await chat.CompleteChatAsync("one two three")).Value;
        Assert.Equal(("one two three", 3), (completion.Content[0].Text, completion.Usage.OutputTokenCount));

        var text = "";
        ChatTokenUsage? usage = null;
        await foreach (var update in chat.CompleteChatStreamingAsync("four five six"))
        {
            foreach (var part in update.ContentUpdate) text += part.Text;
            usage = update.Usage ?? usage;
        }

        Assert.Equal(("four five six", 3), (text, usage?.OutputTokenCount));
        var models = (await client.GetOpenAIModelClient().GetModelsAsync()).Value.Select(model => model.Id);
        Assert.Superset(
            new HashSet<string> { "texts", "talks", "openai/talk", "builtin/taishang-embed" }, models.ToHashSet());
    }

    [Fact]
    public async Task A_stream_that_the_endpoint_cuts_off_is_an_error_and_a_dead_endpoint_gives_way_to_the_fallback()
    {
        using var folder = new TestFolder();
        var endpoint = await ChatEndpoint.StartAsync();
        await using var other = await ChatEndpoint.StartAsync();
        await using var server = await ServerProcess.StartReadyAsync(folder.Path);
        await RegisterAsync(server, endpoint, other);
        endpoint.CutAfter = 2;
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions");
        request.Content = Json("""{"model":"talks","stream":true,"messages":[{"role":"user","content":"a b c d"}]}""");
        using (var broken = await server.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead))
        using (var reader = new StreamReader(await broken.Content.ReadAsStreamAsync()))
        {
            Assert.StartsWith("data: {\"id\":", await reader.ReadLineAsync(), StringComparison.Ordinal);
            endpoint.Cut.SetResult();
            var events = (await reader.ReadToEndAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
            Assert.StartsWith("""data: {"error":{"message":""", events[^1], StringComparison.Ordinal);
        }


        await endpoint.DisposeAsync();
        var completion = (await ClientOf(server).GetChatClient("talks").CompleteChatAsync("still here")).Value;
        Assert.Equal("still here", completion.Content[0].Text);
        Assert.True(other.Requests >= 2);
    }

    [Fact]
    public async Task Errors_reach_the_client_as_its_own_exceptions()
    {
        using var folder = new TestFolder();
        await using var server = await ServerProcess.StartReadyAsync(folder.Path);
        var client = ClientOf(server);
        var missing = await Assert.ThrowsAsync<ClientResultException>(
            () => client.GetChatClient("nobody").CompleteChatAsync("hi"));
        Assert.Equal(404, missing.Status);
        Assert.Contains("model_not_found", missing.Message, StringComparison.Ordinal);
        var wrong = await Assert.ThrowsAsync<ClientResultException>(
            () => client.GetChatClient("builtin/taishang-embed").CompleteChatAsync("hi"));
        Assert.Equal(422, wrong.Status);
    }

    [Fact]
    public async Task A_budget_that_is_used_up_is_a_quota_to_the_client_which_does_not_sleep_until_it_begins_anew()
    {
        using var folder = new TestFolder();
        await using var server = await ServerProcess.StartReadyAsync(folder.Path);
        var budget = await server.ApiPostAsync(
            "budgets", new { name = "one call", unit = "calls", period = "month", limit = 1 });
        Assert.Equal(1, (int)budget.Ok["state"]!["left"]!);
        // With the retries that clients make by themselves.
        var client = ClientOf(server, new ClientRetryPolicy(1)).GetEmbeddingClient("builtin/taishang-embed");
        Assert.NotEmpty((await client.GenerateEmbeddingAsync("within it")).Value.ToFloats().ToArray());
        var refused = await Assert.ThrowsAsync<ClientResultException>(
            () => client.GenerateEmbeddingAsync("beyond it").WaitAsync(ServerProcess.Patience));
        Assert.Equal(429, refused.Status);
        Assert.Contains("insufficient_quota", refused.Message, StringComparison.Ordinal);
        Assert.Contains("one call", refused.Message, StringComparison.Ordinal);
        var usage = (await server.ApiGetAsync("usage?group_by=model,key_id")).Ok["usage"]!;
        Assert.Equal(
            ("builtin/taishang-embed", 1), ((string)usage[0]!["model"]!, (int)usage[0]!["calls"]!));
        // Of the key, only a hash is kept.
        Assert.Matches("^[0-9a-f]{16}$", (string)usage[0]!["key_id"]!);
    }

    private static async Task RegisterAsync(ServerProcess server, ChatEndpoint endpoint, ChatEndpoint? other = null)
    {
        await server.ApiPostAsync("routes", new
        {
            name = "texts",
            targets = new[] { new { model = "builtin/taishang-embed" } },
        });
        await RegisterAsync(server, "talk", endpoint);
        if (other is not null) await RegisterAsync(server, "other", other);
        await server.ApiPostAsync("routes", new
        {
            name = "talks",
            targets = new[] { new { model = "openai/talk" } },
            fallbacks = other is null ? [] : new[] { new { model = "openai/other" } },
        });
    }

    private static async Task RegisterAsync(ServerProcess server, string name, ChatEndpoint endpoint)
    {
        var made = await server.ApiPostAsync("models", new
        {
            name,
            provider = "openai",
            version = "1.0.0",
            endpoint = endpoint.Endpoint,
            config = new { task = "chat", connect_timeout_ms = 500 },
        });
        Assert.Equal("active", (string)made.Ok["status"]!);
    }

    private static StringContent Json(string json) =>
        new(json, global::System.Text.Encoding.UTF8, "application/json");

    private static OpenAIClient ClientOf(ServerProcess server, ClientRetryPolicy? retries = null) => new(
        new ApiKeyCredential("a key of nobody's"),
        new OpenAIClientOptions
        {
            Endpoint = new Uri(server.HttpAddress + "/v1"),
            RetryPolicy = retries ?? new ClientRetryPolicy(0),
        });
}
