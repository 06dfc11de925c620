using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Taishang.Testing.Hosts;

/// <summary>Sends to the REST API and reads the envelope back.</summary>
public sealed class ApiClient(HttpClient http)
{
    public HttpClient Http { get; } = http;

    public Task<ApiAnswer> GetAsync(string path) => SendAsync(HttpMethod.Get, path);

    public Task<ApiAnswer> DeleteAsync(string path) => SendAsync(HttpMethod.Delete, path);

    /// <param name="json">The body as it goes over the wire; null for none.</param>
    public Task<ApiAnswer> PostAsync(string path, string? json = null, string? idempotencyKey = null) =>
        SendAsync(HttpMethod.Post, path, json, idempotencyKey);

    public Task<ApiAnswer> PutAsync(string path, string json) => SendAsync(HttpMethod.Put, path, json);

    /// <param name="bytes">Sent as they are.</param>
    public Task<ApiAnswer> PostBytesAsync(string path, byte[] bytes, string contentType = "application/json")
    {
        var content = new ByteArrayContent(bytes);
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(contentType);
        return SendAsync(new HttpRequestMessage(HttpMethod.Post, path) { Content = content });
    }

    public Task<ApiAnswer> SendAsync(
        HttpMethod method, string path, string? json = null, string? idempotencyKey = null)
    {
        var request = new HttpRequestMessage(method, path);
        if (json is not null) request.Content = new StringContent(json, Encoding.UTF8, "application/json");
        if (idempotencyKey is not null) request.Headers.Add("Idempotency-Key", idempotencyKey);
        return SendAsync(request);
    }

    public async Task<ApiAnswer> SendAsync(HttpRequestMessage request)
    {
        using (request)
        {
            using var response = await Http.SendAsync(request);
            var text = await response.Content.ReadAsStringAsync();
            return new ApiAnswer(response.StatusCode, text, response.Headers, response.Content.Headers.ContentType);
        }
    }
}

/// <summary>One answer, its envelope parsed.</summary>
public sealed record ApiAnswer(
    HttpStatusCode Status, string Text, HttpResponseHeaders Headers, MediaTypeHeaderValue? ContentType)
{
    private JsonElement? _root;

    public JsonElement Root => _root ??= JsonDocument.Parse(Text).RootElement.Clone();

    public int Code => Root.GetProperty("code").GetInt32();

    public string Message => Root.GetProperty("message").GetString()!;

    public JsonElement Data => Root.GetProperty("data");

    /// <summary>A field of the data, by dots.</summary>
    public JsonElement this[string path] =>
        path.Split('.').Aggregate(Data, static (value, name) => value.GetProperty(name));

    public string String(string path) => this[path].GetString()!;

    public override string ToString() => $"{(int)Status} {Text}";
}
