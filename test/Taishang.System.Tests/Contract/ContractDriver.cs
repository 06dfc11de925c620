using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Taishang.System.Tests.Contract.Schemas;

namespace Taishang.System.Tests.Contract;

/// <summary>
/// Sends operations of the contract to a server and holds each answer to it: the status is declared, its headers are
/// there, its body fits the schema and holds nothing that the file does not name.
/// </summary>
internal sealed class ContractDriver(HttpClient http)
{
    private readonly ContractFile _contract = ContractFile.Open();
    private readonly SchemaValidator _answers = new(ContractFile.Open().File, strict: true);
    private readonly SchemaValidator _requests = new(ContractFile.Open().File);
    private readonly HashSet<(string OperationId, int Status)> _driven = [];

    public IReadOnlySet<(string OperationId, int Status)> Driven => _driven;

    /// <summary>Sends a request that the contract calls valid and returns the answer's data.</summary>
    public async Task<JsonNode> SucceedAsync(Call call)
    {
        var operation = _contract[call.OperationId];
        if (call.Body is JsonNode body)
            Fits($"the request of {operation}", _requests.Validate(body, operation.Body!["schema"]));
        var expected = call.Expected ?? operation.Answers.Keys.Where(status => status < 300).Max();
        return (await SendAsync(call, expected))?["data"] ?? new JsonObject();
    }

    /// <summary>Sends a request that must be refused with this status and code.</summary>
    public async Task FailAsync(int status, int code, Call call)
    {
        var answer = await SendAsync(call, status);
        Assert.True((int)answer!["code"]! == code, $"{call}: expected code {code}, came {answer.ToJsonString()}");
    }

    /// <summary>Sends a request that must be refused with this status, whatever the code.</summary>
    public Task FailAsync(int status, Call call) => SendAsync(call, status);

    private async Task<JsonNode?> SendAsync(Call call, int expected)
    {
        var operation = _contract[call.OperationId];
        using var request = new HttpRequestMessage(new HttpMethod(operation.Method), Address(operation, call));
        request.Content = Content(call);
        foreach (var (name, value) in call.Headers) request.Headers.TryAddWithoutValidation(name, value);
        using var response = await http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        var status = (int)response.StatusCode;
        Assert.True(status == expected, $"{call}: expected HTTP {expected}, came {status}: {Cut(text)}");
        Assert.True(
            operation.Answers.TryGetValue(status, out var declared), $"{call}: {status} is not in the contract");
        _driven.Add((call.OperationId, status));
        CheckHeaders(call, declared!, response);
        return CheckBody(call, declared!, response.Content.Headers.ContentType, text);
    }

    private void CheckHeaders(Call call, JsonObject declared, HttpResponseMessage response)
    {
        foreach (var (name, node) in declared["headers"] as JsonObject ?? [])
        {
            var header = _contract.Resolve(node);
            var sent = response.Headers.TryGetValues(name, out var values) ? string.Join(',', values) : null;
            var required = header["required"]?.GetValue<bool>() == true;
            Assert.False(required && sent is null, $"{call}: the header {name} is missing");
            if (sent is null) continue;
            var number = (string?)_contract.Resolve(header["schema"])["type"] == "integer";
            JsonNode value = number && long.TryParse(sent, out var whole) ? whole : sent;
            Fits($"{call} header {name}", _answers.Validate(value, header["schema"]));
        }
    }

    private JsonNode? CheckBody(Call call, JsonObject declared, MediaTypeHeaderValue? type, string text)
    {
        var content = declared["content"]!.AsObject();
        var media = content[type?.MediaType ?? ""];
        Assert.True(media is not null, $"{call}: the content type {type} is not in the contract");
        var isJson = type!.MediaType == "application/json";
        var body = isJson ? JsonNode.Parse(text) : JsonValue.Create(text);
        Fits($"{call}\n{Cut(text)}", _answers.Validate(body, media!["schema"]));
        return isJson ? body : null;
    }

    private static HttpContent? Content(Call call) => call.Body switch
    {
        null => null,
        string raw => new StringContent(raw, Encoding.UTF8, call.ContentType),
        byte[] bytes => new ByteArrayContent(bytes) { Headers = { ContentType = new(call.ContentType) } },
        JsonNode json => new StringContent(json.ToJsonString(), Encoding.UTF8, call.ContentType),
        var other => throw new ArgumentException($"no content of {other.GetType()}"),
    };

    private static string Address(Operation operation, Call call)
    {
        var path = call.Id is null ? operation.Path : operation.Path.Replace("{id}", Uri.EscapeDataString(call.Id));
        path = path.Replace("{alias}", Uri.EscapeDataString(call.Alias));
        return call.Query is null ? path : $"{path}?{call.Query}";
    }

    private static string Cut(string text) => text.Length <= 1000 ? text : text[..1000] + "…";

    private static void Fits(string what, IReadOnlyList<string> errors) =>
        Assert.True(errors.Count == 0, $"{what}:\n{string.Join('\n', errors)}");
}

/// <summary>One request.</summary>
/// <param name="OperationId">As in the contract.</param>
/// <param name="Id">Takes the place of {id} in the path.</param>
/// <param name="Body">JSON, or text or bytes sent as they are.</param>
internal sealed record Call(string OperationId, string? Id = null, object? Body = null)
{
    /// <summary>Takes the place of {alias} in the path.</summary>
    public string Alias { get; init; } = "nobody";

    /// <summary>Without the question mark.</summary>
    public string? Query { get; init; }

    /// <summary>Of a success; null for the only one, or the one that creates.</summary>
    public int? Expected { get; init; }

    public string ContentType { get; init; } = "application/json";

    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    public override string ToString()
    {
        var body = Body is byte[] bytes ? Convert.ToHexString(bytes) : Cut(Body?.ToString());
        return $"{OperationId} {Id} {Query} {body}".Trim();
    }

    private static string? Cut(string? text) => text is { Length: > 200 } ? text[..200] + "…" : text;
}
