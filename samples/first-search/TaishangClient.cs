using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Taishang.Samples.FirstSearch;

/// <summary>taishang said no; the message is the envelope's.</summary>
internal sealed class TaishangException(int code, string message) : Exception($"{message} (code {code})")
{
    public int Code { get; } = code;
}

/// <summary>The few calls that the sample needs, over plain HTTP: what any language can do.</summary>
internal sealed class TaishangClient(Uri address) : IDisposable
{
    private readonly HttpClient _http = new() { BaseAddress = address, Timeout = TimeSpan.FromMinutes(5) };

    public Task<JsonNode> GetAsync(string path, CancellationToken cancellation) =>
        SendAsync(HttpMethod.Get, path, null, cancellation);

    public Task<JsonNode> PostAsync(string path, object body, CancellationToken cancellation) =>
        SendAsync(HttpMethod.Post, path, JsonContent.Create(body), cancellation);

    public Task<JsonNode> DeleteAsync(string path, CancellationToken cancellation) =>
        SendAsync(HttpMethod.Delete, path, null, cancellation);

    public void Dispose() => _http.Dispose();

    /// <summary>Returns the envelope's data, or throws its error.</summary>
    private async Task<JsonNode> SendAsync(
        HttpMethod method, string path, HttpContent? content, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(method, "/api/taishang/" + path) { Content = content };
        using var answer = await _http.SendAsync(request, cancellation);
        var text = await answer.Content.ReadAsStringAsync(cancellation);
        try
        {
            var envelope = JsonNode.Parse(text)!;
            var code = (int)envelope["code"]!;
            if (code != 0) throw new TaishangException(code, (string)envelope["message"]!);
            return envelope["data"] ?? new JsonObject();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or NullReferenceException)
        {
            throw new TaishangException(
                0, $"{method} {path}: not an answer of taishang, HTTP {(int)answer.StatusCode}");
        }
    }
}
