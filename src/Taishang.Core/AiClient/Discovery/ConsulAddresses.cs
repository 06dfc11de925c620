using System.Text.Json;

namespace Taishang.Core.AiClient.Discovery;

/// <summary>The instances of a service whose checks pass, read from a Consul agent's health API over HTTP.</summary>
internal sealed class ConsulAddresses(WorkerAddress address, HttpClient http, string token) : IAddressSource
{
    /// <summary>An answer for 64 workers takes some 100 KB; a larger one is not from Consul.</summary>
    public const int AnswerBytesMax = 4 * 1024 * 1024;

    public string Name => address.Text;

    public bool Changes => true;

    public async Task<IReadOnlyList<string>> ResolveAsync(CancellationToken cancellation)
    {
        var service = Uri.EscapeDataString(address.Path);
        using var request = new HttpRequestMessage(
            HttpMethod.Get, $"http://{address.Host}:{address.Port}/v1/health/service/{service}?passing=1");
        if (token.Length > 0) request.Headers.Add("X-Consul-Token", token);
        using var response = await http.SendAsync(request, cancellation);
        response.EnsureSuccessStatusCode();
        await using var body = await response.Content.ReadAsStreamAsync(cancellation);
        using var json = await JsonDocument.ParseAsync(body, cancellationToken: cancellation);
        return json.RootElement.EnumerateArray().Select(AddressOf).Distinct().Order(StringComparer.Ordinal).ToArray();
    }

    private static string AddressOf(JsonElement entry)
    {
        var service = entry.GetProperty("Service");
        var host = service.GetProperty("Address").GetString();
        // An instance registered without an address of its own lives at its node's.
        if (string.IsNullOrEmpty(host)) host = entry.GetProperty("Node").GetProperty("Address").GetString();
        if (string.IsNullOrEmpty(host)) throw new JsonException("an instance has no address");
        var port = service.GetProperty("Port").GetInt32();
        return host.Contains(':') ? $"http://[{host}]:{port}" : $"http://{host}:{port}";
    }
}
