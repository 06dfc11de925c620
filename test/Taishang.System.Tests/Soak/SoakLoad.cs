using System.Text.Json.Nodes;

namespace Taishang.System.Tests.Soak;

/// <summary>What one caller does all day: tasks of every kind, and verbs on some of them.</summary>
internal sealed class SoakLoad(SoakClient client, SoakBook book)
{
    private const string Ledger = LedgerExecutor.TypeName;
    private static readonly TimeSpan Gap = TimeSpan.FromMilliseconds(150);

    private readonly Random _random = client.Random;

    /// <summary>Payments that are held long enough to be paused in.</summary>
    public string[] Late => [.. book.Tasks.Values.Where(task => task.Kind == "late").Select(task => task.Id)];

    public async Task RunAsync(CancellationToken stop)
    {
        using var pace = new PeriodicTimer(Gap);
        while (!stop.IsCancellationRequested)
        {
            await OneAsync(_random.Next(100));
            await pace.WaitForNextTickAsync(CancellationToken.None);
        }
    }

    private Task OneAsync(int dice) => dice switch
    {
        < 24 => PayAsync("pay", []),
        < 36 => EmbedRowsAsync(),
        < 43 => EmbedTextsAsync(),
        < 50 => DelayAsync(),
        < 57 => PayAsync("fails first", [("fail_until", _random.Next(1, 3))]),
        < 61 => RefusedAsync(),
        < 70 => DependAsync(),
        < 75 => GraphAsync(),
        < 83 => UniqueAsync(),
        < 89 => CancelAsync(),
        < 97 => StopAndStartAsync(),
        _ => HangAsync(),
    };

    /// <summary>A task of the ledger's.</summary>
    public async Task<SoakTask> PayAsync(
        string kind, IEnumerable<(string Name, long Value)> payload, Action<JsonObject>? change = null,
        params string[] ends)
    {
        var values = payload.ToDictionary(value => value.Name, value => value.Value);
        values.TryAdd("hold_ms", _random.Next(10, 150));
        values["amount"] = _random.Next(1, 1_000);
        var json = new JsonObject();
        foreach (var (name, value) in values) json[name] = value;
        var made = await CreateAsync(Ledger, json, change);
        var task = new SoakTask((string)made["id"]!, kind, ends is [] ? ["completed"] : ends)
        {
            Amount = values["amount"],
            Failures = (int)values.GetValueOrDefault("fail_until"),
        };
        book.Add(task);
        return task;
    }

    private async Task<JsonNode> CreateAsync(string type, JsonObject payload, Action<JsonObject>? change)
    {
        var name = book.NextName();
        var body = Body(type, payload, name);
        change?.Invoke(body);
        return await client.CreateAsync("tasks", body, name);
    }

    private JsonObject Body(string type, JsonObject payload, string name)
    {
        var labels = new JsonObject { ["soak"] = name };
        if (_random.Next(3) == 0) labels["tenant"] = $"tenant{_random.Next(3)}";
        return new JsonObject
        {
            ["type"] = type,
            ["payload"] = payload,
            ["labels"] = labels,
            ["priority"] = _random.Next(10),
        };
    }

    private async Task EmbedRowsAsync()
    {
        var prefix = book.NextName();
        var ids = Enumerable.Range(0, _random.Next(1, 20)).Select(i => $"{prefix}-{i}").ToArray();
        var payload = new JsonObject
        {
            ["collection"] = SoakBook.Collection,
            ["rows"] = new JsonArray([.. ids.Select(id => (JsonNode)new JsonObject
            {
                ["id"] = id,
                ["text"] = $"the text of {id}",
            })]),
        };
        var made = await CreateAsync("embedding", payload, null);
        var task = new SoakTask((string)made["id"]!, "embed rows", "completed") { Rows = ids };
        book.Add(task);
        // One in four is stopped on its way and goes on from its checkpoint.
        if (_random.Next(4) == 0) await StopAndStartAsync(task);
    }

    private async Task EmbedTextsAsync()
    {
        var texts = new JsonArray("a text", $"another, {book.NextName()}");
        var made = await CreateAsync("embedding", new JsonObject { ["texts"] = texts }, null);
        book.Add(new SoakTask((string)made["id"]!, "embed texts", "completed"));
    }

    private async Task DelayAsync()
    {
        var due = TimeProvider.System.GetUtcNow().AddMilliseconds(_random.Next(200, 5_000));
        var task = await PayAsync("delayed", [], body => body["run_at"] = due.ToString("O"));
        book.Change(task.Id, one => one with { NotBefore = due });
    }

    /// <summary>Fails for good; one in two is tried again by its owner, and fails again.</summary>
    private async Task RefusedAsync()
    {
        var task = await PayAsync("refused", [("refuse", 1)], null, "failed");
        if (_random.Next(2) == 0) return;
        using var pause = new PeriodicTimer(Gap);
        for (var look = 0; look < 20; look++)
        {
            if ((string)(await client.GetAsync($"tasks/{task.Id}"))["status"]! == "failed")
            {
                // An answer may be lost after the retry was granted; the next try is refused while it runs.
                if ((await client.DoAsync(task.Id, "retry")).Status == 200)
                    book.Change(task.Id, one => one with { Retries = one.Retries + 1 });
                return;
            }

            await pause.WaitForNextTickAsync();
        }
    }

    private async Task DependAsync()
    {
        var parents = Enumerable.Range(0, _random.Next(1, 4))
            .Select(_ => book.Any(_random, "pay", "fails first", "delayed", "hung", "embed texts")).OfType<SoakTask>()
            .DistinctBy(task => task.Id).ToArray();
        var rule = (string[])["cancel", "run", "park"];
        var chosen = rule[_random.Next(rule.Length)];
        var task = await PayAsync(
            chosen == "park" ? "parks with parents" : "depends", [],
            body =>
            {
                body["depends_on"] = new JsonArray([.. parents.Select(parent => (JsonNode)parent.Id)]);
                body["on_parent_failure"] = chosen;
            },
            chosen == "cancel" ? ["completed", "cancelled"] : ["completed"]);
        book.Change(task.Id, one => one with
        {
            Parents = [.. parents.Select(parent => parent.Id)],
            CancelsWithParents = chosen == "cancel",
        });
    }

    /// <summary>One, two after it, one after these.</summary>
    private async Task GraphAsync()
    {
        var name = book.NextName();
        var amount = _random.Next(1, 1_000);
        JsonObject Node(string key, params string[] after)
        {
            var body = Body(Ledger, new JsonObject { ["amount"] = amount, ["hold_ms"] = 20 }, $"{name}-{key}");
            body["key"] = key;
            body["depends_on"] = new JsonArray([.. after.Select(one => (JsonNode)one)]);
            return body;
        }

        var nodes = new JsonArray(Node("a"), Node("b", "a"), Node("c", "a"), Node("d", "b", "c"));
        var made = await client.CreateAsync("tasks/graph", new JsonObject { ["tasks"] = nodes }, name);
        var ids = made["tasks"]!.AsArray().Select(task => (string)task!["id"]!).ToArray();
        int[][] after = [[], [0], [0], [1, 2]];
        for (var i = 0; i < ids.Length; i++)
        {
            book.Add(new SoakTask(ids[i], "graph", "completed")
            {
                Amount = amount,
                Parents = [.. after[i].Select(parent => ids[parent])],
            });
        }
    }

    /// <summary>Two callers at once want the same thing done.</summary>
    private async Task UniqueAsync()
    {
        var key = $"unique{_random.Next(6)}";
        var amount = _random.Next(1, 1_000);
        var names = new[] { book.NextName(), book.NextName() };
        var bodies = names.Select(name =>
        {
            var body = Body(Ledger, new JsonObject { ["amount"] = amount, ["hold_ms"] = 200 }, name);
            body["unique_key"] = key;
            return body;
        }).ToArray();
        var made = await Task.WhenAll(names.Zip(bodies, (name, body) => client.CreateAsync("tasks", body, name)));
        foreach (var one in made)
        {
            // The answer may be the live task of somebody else, with its own amount.
            book.Add(new SoakTask((string)one["id"]!, "unique", "completed")
            {
                Amount = (long)one["payload"]!["amount"]!,
            });
        }
    }

    private async Task CancelAsync()
    {
        var task = await PayAsync("cancelled", [("hold_ms", _random.Next(1_000))], null, "completed", "cancelled");
        var answer = await client.DoAsync(task.Id, "cancel");
        if (answer.Status == 200 && (string)answer.Data!["status"]! == "cancelled")
            book.Change(task.Id, one => one with { CancelAcknowledged = true });
    }

    private async Task StopAndStartAsync() =>
        await StopAndStartAsync(await PayAsync("stopped", [("hold_ms", _random.Next(500))]));

    /// <summary>What stays parked because nobody knows it is started when the load has ended.</summary>
    private async Task StopAndStartAsync(SoakTask task)
    {
        await client.DoAsync(task.Id, "stop");
        await client.DoAsync(task.Id, "start");
    }

    /// <summary>
    /// Passes its deadline and does not hear of it; fails when its two attempts are used up, unless whoever would have
    /// rescued it was dead meanwhile.
    /// </summary>
    private Task<SoakTask> HangAsync() => PayAsync(
        "hung", [("hold_ms", 1_500), ("deaf", 1)],
        body =>
        {
            body["timeout_ms"] = 200;
            body["max_attempts"] = 2;
        },
        "failed", "completed");
}
