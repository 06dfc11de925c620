using System.Text;
using System.Text.Json.Nodes;
using Taishang.Testing.Processes;

namespace Taishang.System.Tests.Contract;

/// <summary>
/// Sends every operation of the contract what it must refuse: each answer is an envelope that the contract declares,
/// with the code of what was wrong, and nothing was written.
/// </summary>
public sealed class BadRequestTests
{
    /// <summary>A UUIDv7 of a row that nobody made.</summary>
    private const string Nobody = "019aac8e-0000-7000-8000-000000000000";

    private static readonly ContractFile Contract = ContractFile.Open();

    /// <summary>Answers of the front for clients of OpenAI have another form, and its own tests.</summary>
    private static IEnumerable<Operation> Operations =>
        Contract.Operations.Where(operation => !operation.Path.StartsWith("/v1/", StringComparison.Ordinal));

    [Fact]
    public async Task Every_operation_refuses_what_it_must_and_says_why()
    {
        using var folder = new TestFolder();
        await using var server = await ServerProcess.StartReadyAsync(folder.Path);
        var driver = new Refusals(new ContractDriver(server.Http));
        var rows = await CreateRowsAsync(server);
        var before = await TotalsAsync(server);
        foreach (var operation in Operations)
        {
            var row = HasId(operation) ? rows[operation.Path.Split('/')[3]] : null;
            if (operation.Body is not null) await BadBodiesAsync(driver, operation, row);
            else if (operation.Method == "POST")
                await driver.FailAsync(400, 10003, new Call(operation.Id, row ?? Nobody, """{"color":1}"""));
            if (IsList(operation)) await BadQueriesAsync(driver, operation, row);
            if (HasId(operation)) await UnknownIdAsync(driver, operation);
        }

        driver.Verify();
        Assert.Equal(before, await TotalsAsync(server));
    }

    [Fact]
    public async Task Wrong_methods_and_paths_are_envelopes_too()
    {
        using var folder = new TestFolder();
        await using var server = await ServerProcess.StartReadyAsync(folder.Path);
        foreach (var path in Operations.Select(operation => operation.Path.Replace("{id}", Nobody)).Distinct())
        {
            using var patch = await server.Http.PatchAsync(path, null);
            await IsErrorAsync(path, 405, 10009, patch);
        }

        foreach (var path in (string[])["/api/taishang", "/api/taishang/nothing", "/api/taishang/models/a/b/c", "/api"])
        {
            using var nothing = await server.Http.GetAsync(path);
            await IsErrorAsync(path, 404, 10008, nothing);
        }
    }

    [Fact]
    public async Task A_path_that_is_not_http_is_refused_and_the_server_goes_on()
    {
        using var folder = new TestFolder();
        await using var server = await ServerProcess.StartReadyAsync(folder.Path);
        using var nul = await server.Http.GetAsync("/api/taishang/models/%00");
        Assert.Equal(400, (int)nul.StatusCode);
        using var broken = await server.Http.GetAsync("/api/taishang/models/%ff");
        await IsErrorAsync("%ff", 404, 20001, broken);
        using var next = await server.Http.GetAsync("/api/taishang/models");
        Assert.Equal(200, (int)next.StatusCode);
    }

    [Fact]
    public async Task A_time_to_wait_that_is_none_is_refused_by_name()
    {
        using var folder = new TestFolder();
        await using var server = await ServerProcess.StartReadyAsync(folder.Path);
        foreach (var value in (string[])["0", "86400001", "1.5", "soon"])
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/api/taishang/models");
            request.Headers.Add("X-Request-Timeout-Ms", value);
            using var refused = await server.Http.SendAsync(request);
            var answer = JsonNode.Parse(await refused.Content.ReadAsStringAsync())!;
            Assert.Equal((400, 10001), ((int)refused.StatusCode, (int)answer["code"]!));
            Assert.Contains("X-Request-Timeout-Ms", (string)answer["message"]!);
        }
    }

    /// <summary>One row of each kind that a path can name, for what only a row's own state can refuse.</summary>
    private static async Task<Dictionary<string, string>> CreateRowsAsync(ServerProcess server) => new()
    {
        ["models"] = (string)(await server.ApiGetAsync("models")).Ok["models"]![0]!["id"]!,
        ["vector_collections"] = await server.CreateCollectionAsync("points", 4),
        ["collection_aliases"] = (string)(await server.ApiPostAsync(
            "collection_aliases", new { aliases = new[] { new { alias = "live", collection = "points" } } }))
            .Ok["aliases"]![0]!["alias"]!,
        ["collection_snapshots"] = await SnapshotAsync(server),
        ["routes"] = (string)(await server.ApiPostAsync(
            "routes", new { name = "main", targets = new[] { new { model = "builtin/taishang-embed" } } })).Ok["id"]!,
        ["budgets"] = (string)(await server.ApiPostAsync(
            "budgets", new { name = "a row", unit = "calls", period = "day", limit = 1_000_000_000 })).Ok["id"]!,
        ["alerts"] = (string)(await server.ApiPostAsync(
            "alerts", new { name = "a row", metric = "failed", threshold = 1, paused = true })).Ok["id"]!,
        ["tasks"] = (string)(await server.ApiPostAsync(
            "tasks", new { type = "index", payload = new { collection = "points" }, auto_start = false })).Ok["id"]!,
    };

    private static async Task<string> SnapshotAsync(ServerProcess server)
    {
        var asked = (await server.ApiPostAsync("collection_snapshots", new { collection = "points" })).Ok;
        var task = await server.WaitForTaskAsync((string)asked["task_id"]!);
        Assert.Equal("completed", (string)task["status"]!);
        return (string)asked["snapshot_id"]!;
    }

    private static async Task BadBodiesAsync(Refusals driver, Operation operation, string? id)
    {
        Call With(object body) => new(operation.Id, id, body);
        await driver.FailAsync(415, 10010, With("{}") with { ContentType = "text/plain" });
        await driver.FailAsync(400, 10002, With("{"));
        await driver.FailAsync(400, 10002, With("{ , }"));
        await driver.FailAsync(400, 10002, With(new byte[] { (byte)'{', (byte)'"', 0xFF, (byte)'"', (byte)'}' }));
        await driver.FailAsync(400, 10004, With("[]"));
        await driver.FailAsync(400, 10004, With("null"));
        var schema = Contract.Resolve(operation.Body!["schema"]);
        if (schema["additionalProperties"] is not JsonValue open || !open.GetValue<bool>())
            await driver.FailAsync(400, 10003, With("""{ "no_such_field": 1 }"""));
        await driver.FailAsync(400, With(Deep()));
        // Where one of several fields is asked for, the code is the operation's own.
        if (schema.ContainsKey("required"))
            await driver.FailAsync(400, 10005, With("{}"));
        else
            await driver.FailAsync(400, With("{}"));
        await WrongTypesAsync(driver, operation, With);
    }

    /// <summary>Each field of a valid body once with a type that its schema does not take.</summary>
    private static async Task WrongTypesAsync(Refusals driver, Operation operation, Func<object, Call> with)
    {
        var (_, example) = Contract.Examples(operation.Body!).First();
        foreach (var (name, value) in example.AsObject())
        {
            var body = example.DeepClone().AsObject();
            body[name] = value is JsonObject ? new JsonArray() : new JsonObject { ["wrong"] = true };
            await driver.FailAsync(400, with(body.ToJsonString()));
        }
    }

    private static async Task BadQueriesAsync(Refusals driver, Operation operation, string? id)
    {
        foreach (var query in (string[])
            ["page_size=201", "page_size=0", "page_size=x", "page=0", "page=-1", "page=1&page=2", "sort=nothing"])
            await driver.FailAsync(400, 10007, new Call(operation.Id, id) { Query = query });
        await driver.FailAsync(400, 10003, new Call(operation.Id, id) { Query = "no_such_parameter=1" });
    }

    private static async Task UnknownIdAsync(Refusals driver, Operation operation)
    {
        var body = operation.Body is null ? null : Contract.Examples(operation.Body).First().Value.DeepClone();
        await driver.FailAsync(404, new Call(operation.Id, Nobody, body));
        await driver.FailAsync(404, new Call(operation.Id, "not-an-id", body));
    }

    private static bool HasId(Operation operation) => operation.Path.Contains("{id}", StringComparison.Ordinal);

    private static bool IsList(Operation operation) =>
        operation.Parameters.Any(parameter => (string?)parameter["name"] == "page_size");

    private static string Deep() =>
        string.Concat(Enumerable.Repeat("{\"a\":", 100)) + "1" + new string('}', 100);

    private static async Task<string> TotalsAsync(ServerProcess server)
    {
        var totals = new StringBuilder();
        foreach (var list in (string[])
            ["models", "vector_collections", "collection_aliases", "collection_snapshots", "tasks"])
            totals.Append($"{list} {(await server.ApiGetAsync(list)).Ok["total"]} ");
        return totals.ToString();
    }

    private static async Task IsErrorAsync(string path, int status, int code, HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync();
        Assert.True((int)response.StatusCode == status, $"{path}: {(int)response.StatusCode}");
        var answer = JsonNode.Parse(text)!;
        Assert.Equal((path, code), (path, (int)answer["code"]!));
        Assert.Empty(answer["data"]!["errors"]!.AsArray());
        Assert.NotEmpty((string)answer["message"]!);
    }

    /// <summary>Goes on after a wrong answer, so that one run shows every one.</summary>
    private sealed class Refusals(ContractDriver driver)
    {
        private readonly List<string> _wrong = [];

        public Task FailAsync(int status, Call call) => TryAsync(() => driver.FailAsync(status, call));

        public Task FailAsync(int status, int code, Call call) => TryAsync(() => driver.FailAsync(status, code, call));

        public void Verify() => Assert.True(_wrong.Count == 0, $"{_wrong.Count} wrong:\n{string.Join('\n', _wrong)}");

        private async Task TryAsync(Func<Task> send)
        {
            try
            {
                await send();
            }
            catch (Xunit.Sdk.XunitException e)
            {
                _wrong.Add(e.Message);
            }
        }
    }
}
