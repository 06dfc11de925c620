using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Taishang.Testing.Processes;

namespace Taishang.System.Tests;

/// <summary>One answer of the REST API: the status and the envelope.</summary>
internal sealed record ApiAnswer(int Status, int Code, JsonNode? Data, string Message, HttpResponseMessage Response)
{
    public JsonNode Ok =>
        Code == 0 && Status is 200 or 201
            ? Data!
            : throw new InvalidOperationException($"HTTP {Status}, code {Code}: {Message}");
}

/// <summary>Calls of the REST API as a user makes them.</summary>
internal static class ApiClient
{
    public static Task<ApiAnswer> ApiGetAsync(this ServerProcess server, string path) =>
        SendAsync(server, HttpMethod.Get, path, null);

    public static Task<ApiAnswer> ApiDeleteAsync(this ServerProcess server, string path) =>
        SendAsync(server, HttpMethod.Delete, path, null);

    public static Task<ApiAnswer> ApiPostAsync(this ServerProcess server, string path, object body) =>
        SendAsync(server, HttpMethod.Post, path, JsonContent.Create(body));

    public static Task<ApiAnswer> ApiPutAsync(this ServerProcess server, string path, object body) =>
        SendAsync(server, HttpMethod.Put, path, JsonContent.Create(body));

    /// <summary>A collection of vectors; returns its id.</summary>
    public static async Task<string> CreateCollectionAsync(
        this ServerProcess server, string name, int dims, string indexType = "HNSW", string metric = "l2") =>
        (string)(await server.ApiPostAsync(
            "vector_collections", new { name, dims, index_type = indexType, metric_type = metric })).Ok["id"]!;

    /// <summary>Starts a build and waits until its task has ended; returns the task.</summary>
    public static async Task<JsonNode> BuildAsync(this ServerProcess server, string collectionId)
    {
        var task =
            (string)(await server.ApiPostAsync($"vector_collections/{collectionId}/build", new { })).Ok["task_id"]!;
        return await server.WaitForTaskAsync(task);
    }

    /// <summary>Waits until a task has ended.</summary>
    public static async Task<JsonNode> WaitForTaskAsync(this ServerProcess server, string taskId)
    {
        JsonNode? task = null;
        await server.WaitUntilAsync($"task {taskId} ended", async () =>
        {
            task = (await server.ApiGetAsync($"tasks/{taskId}")).Ok;
            return (string)task["status"]! is "completed" or "failed" or "cancelled";
        });
        return task!;
    }

    private static async Task<ApiAnswer> SendAsync(
        ServerProcess server, HttpMethod method, string path, HttpContent? content)
    {
        using var request = new HttpRequestMessage(method, "/api/taishang/" + path) { Content = content };
        var answer = await server.Http.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        var envelope = JsonNode.Parse(text)!;
        return new ApiAnswer(
            (int)answer.StatusCode, (int)envelope["code"]!, envelope["data"], (string)envelope["message"]!, answer);
    }
}
