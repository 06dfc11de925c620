using System.Text.Json.Nodes;
using Taishang.Testing.Models;
using Taishang.Testing.Processes;

namespace Taishang.System.Tests.Contract;

/// <summary>Drives the real server with every operation of the contract, in the order of a day's work.</summary>
public sealed partial class EveryOperationTests
{
    [Fact]
    public async Task Every_operation_answers_as_the_contract_says()
    {
        using var folder = new TestFolder();
        WriteModel(Directory.CreateDirectory(folder.File("models")).FullName);
        await using var server = await ServerProcess.StartReadyAsync(folder.Path);
        var driver = new ContractDriver(server.Http);
        await new Day(driver, server).LiveAsync();
        Assert.Empty(ContractFile.Open().Operations.Select(operation => operation.Id)
            .Except(driver.Driven.Where(driven => driven.Status < 300).Select(driven => driven.OperationId)));
    }

    /// <summary>Three numbers in, the same three out: enough for a call of inference.</summary>
    private static void WriteModel(string models)
    {
        var folder = Directory.CreateDirectory(Path.Combine(models, "echo")).FullName;
        var model = new TinyOnnx()
            .Input("input", TinyOnnx.Float, -1, 3)
            .Node("Identity", ["input"], "output")
            .Output("output", TinyOnnx.Float, -1, 3);
        File.WriteAllBytes(Path.Combine(folder, "model.onnx"), model.ToBytes());
    }

    private sealed partial class Day(ContractDriver driver, ServerProcess server)
    {
        private readonly ContractFile _contract = ContractFile.Open();

        public async Task LiveAsync()
        {
            await driver.SucceedAsync(new Call("getHealth"));
            await driver.SucceedAsync(new Call("getReadiness"));
            var model = await ModelsAsync();
            var (points, notes) = await CollectionsAsync();
            await VectorsAsync();
            await BudgetsAsync();
            await AliasesAsync(points);
            await BuildAsync(points);
            await SnapshotsAsync();
            await DeleteVectorsAsync();
            await TasksAsync();
            await AlertsAsync();
            await ServiceCallsAsync();
            await EndAsync(model, points, notes);
            await driver.SucceedAsync(new Call("getMetrics"));
        }

        private async Task<string> ModelsAsync()
        {
            var create = new Call("createModel", null, Example("createModel", "onnx"))
            {
                Headers = new Dictionary<string, string>
                {
                    ["Idempotency-Key"] = "a-model",
                    ["X-Request-Id"] = "day-1",
                },
            };
            var id = Text(await driver.SucceedAsync(create), "id");
            Assert.Equal(id, Text(await driver.SucceedAsync(create), "id"));
            var other = Example("createModel", "onnx");
            other["version"] = "2.0.0";
            await driver.FailAsync(422, 10012, create with { Body = other });
            await driver.FailAsync(409, 20002, new Call("createModel", null, Example("createModel", "onnx")));
            await driver.SucceedAsync(new Call("createModel", null, Example("createModel", "builtin")));

            await driver.SucceedAsync(new Call("listModels")
            {
                Query = "page=1&page_size=200&sort=-created_at&provider=onnx&status=active",
            });
            await driver.SucceedAsync(new Call("getModel", id));
            await driver.SucceedAsync(new Call("updateModel", id, Example("updateModel")));
            var versions = await driver.SucceedAsync(new Call("listModelVersions", id));
            Assert.Equal(2, (int)versions["total"]!);
            var back = await driver.SucceedAsync(new Call("rollbackModel", id, Example("rollbackModel")));
            Assert.Equal("1.0.0", Text(back, "version"));
            await driver.FailAsync(404, 20007, new Call("rollbackModel", id, Json("""{ "version": "9.0.0" }""")));
            await driver.FailAsync(400, 20003, new Call("updateModel", id, Json("""{ "version": "one" }""")));
            await ModelAliasesAsync(id);
            await ModelCardAsync(id);
            await RoutesAsync();
            await driver.SucceedAsync(new Call("getModelUsage", id));
            await driver.SucceedAsync(new Call("testModel", id));
            var tensors = await driver.SucceedAsync(new Call("inferModel", id, Example("inferModel", "tensors")));
            Assert.Single(tensors["tensors"]!.AsArray());
            await driver.FailAsync(400, new Call("inferModel", id, Json("{}")));
            Assert.Equal("inactive", Text(await driver.SucceedAsync(new Call("deactivateModel", id)), "status"));
            await driver.FailAsync(409, 20004, new Call("inferModel", id, Example("inferModel", "tensors")));
            Assert.Equal("active", Text(await driver.SucceedAsync(new Call("activateModel", id)), "status"));
            return id;
        }

        private async Task<(string Points, string Notes)> CollectionsAsync()
        {
            var points = Text(
                await driver.SucceedAsync(new Call("createCollection", null, Example("createCollection", "points"))),
                "id");
            var notes = Text(
                await driver.SucceedAsync(new Call("createCollection", null, Example("createCollection", "notes"))),
                "id");
            await driver.FailAsync(
                409, 30002, new Call("createCollection", null, Example("createCollection", "points")));
            await driver.SucceedAsync(
                new Call("listCollections") { Query = "sort=name&index_type=HNSW&metric_type=l2" });
            await driver.SucceedAsync(new Call("getCollection", points));
            await driver.SucceedAsync(new Call("getCollection", "points"));
            await driver.SucceedAsync(new Call("updateCollection", points, Example("updateCollection")));
            var pinned = await driver.SucceedAsync(
                new Call("updateCollection", points, Json("""{ "pinned": true }""")));
            Assert.True((bool)pinned["pinned"]!);
            await driver.FailAsync(422, 30004, new Call("updateCollection", points, Json("""{ "dims": 5 }""")));
            await driver.FailAsync(
                422, 30005, new Call("createCollection", null, Json(
                    """{ "name": "later", "dims": 4, "index_type": "FLAT", "engine": "faiss" }""")));
            return (points, notes);
        }

        private async Task VectorsAsync()
        {
            foreach (var (name, value) in _contract.Examples(_contract["upsertVectors"].Body!))
            {
                var written = await driver.SucceedAsync(new Call("upsertVectors", null, value.DeepClone()));
                Assert.Equal(value["vectors"]!.AsArray().Count, (int)written["count"]!);
                Assert.NotEmpty(name);
            }

            foreach (var (name, value) in _contract.Examples(_contract["searchVectors"].Body!))
            {
                var found = await driver.SucceedAsync(new Call("searchVectors", null, value.DeepClone()));
                Assert.True(found["results"]!.AsArray().Count > 0, $"{name}: nothing found");
            }

            foreach (var (_, value) in _contract.Examples(_contract["embedText"].Body!))
                await driver.SucceedAsync(new Call("embedText", null, value.DeepClone()));
            var rows = await driver.SucceedAsync(new Call("getVectors", null, Example("getVectors")));
            Assert.Equal(2, rows["vectors"]!.AsArray().Count);
            await ScrollAsync();
            var count = await driver.SucceedAsync(new Call("countVectors") { Query = "collection=points" });
            Assert.Equal(3, (int)count["count"]!);
            await BadVectorsAsync();
        }

        private async Task ScrollAsync()
        {
            var whole = await driver.SucceedAsync(new Call("scrollVectors", null, Example("scrollVectors", "whole")));
            Assert.Equal(3, whole["vectors"]!.AsArray().Count);
            var page = await driver.SucceedAsync(
                new Call("scrollVectors", null, Json("""{ "collection": "points", "limit": 2 }""")));
            var cursor = Text(page, "next_cursor");
            var last = await driver.SucceedAsync(new Call("scrollVectors", null, new JsonObject
            {
                ["collection"] = "points",
                ["cursor"] = cursor,
            }));
            Assert.Null(last["next_cursor"]);
            Assert.Single(last["vectors"]!.AsArray());
            await driver.FailAsync(410, 40008, new Call("scrollVectors", null, new JsonObject
            {
                ["collection"] = "points",
                ["cursor"] = $"{Guid.NewGuid():N}{cursor[32..]}",
            }));
        }

        private async Task BadVectorsAsync()
        {
            await driver.FailAsync(400, 40001, new Call("upsertVectors", null, Json(
                """{ "collection": "points", "vectors": [{ "id": "x", "vector": [1, 2] }] }""")));
            await driver.FailAsync(400, 40002, new Call("upsertVectors", null,
                """{ "collection": "points", "vectors": [{ "id": "x", "vector": [1, 2, 3, 1e40] }] }"""));
            await driver.FailAsync(422, 30007, new Call("upsertVectors", null, Json(
                """{ "collection": "points", "vectors": [{ "id": "x", "text": "words" }] }""")));
            await driver.FailAsync(400, 40004, new Call("searchVectors", null, Json(
                """{ "collection": "points", "vector": [1, 2, 3, 4], "filter": { "$near": 1 } }""")));
            await driver.FailAsync(404, 30001, new Call("searchVectors", null, Json(
                """{ "collection": "nowhere", "vector": [1, 2, 3, 4] }""")));
            await driver.FailAsync(404, 30001, new Call("countVectors") { Query = "collection=nowhere" });
            await driver.FailAsync(400, 10005, new Call("countVectors"));
        }

        private async Task AliasesAsync(string points)
        {
            var set = await driver.SucceedAsync(new Call("switchAliases", null, Example("switchAliases", "set")));
            Assert.Equal(points, Text(set["aliases"]![0]!, "collection_id"));
            await driver.SucceedAsync(new Call("getAlias", "live"));
            await driver.SucceedAsync(new Call("listAliases") { Query = "sort=alias&collection=points&page_size=5" });
            await driver.SucceedAsync(new Call("getCollection", "live"));
            var count = await driver.SucceedAsync(new Call("countVectors") { Query = "collection=live" });
            Assert.Equal(3, (int)count["count"]!);
            await driver.FailAsync(409, 30009, new Call("deleteCollection", points));
            await driver.FailAsync(400, 10003, new Call("deleteCollection", points) { Query = "force=true" });
            await driver.FailAsync(409, 30002, new Call("switchAliases", null, Json(
                """{ "aliases": [{ "alias": "notes", "collection": "points" }] }""")));
            await driver.FailAsync(404, 30001, new Call("switchAliases", null, Json(
                """{ "aliases": [{ "alias": "live", "collection": "nowhere" }] }""")));
            await driver.SucceedAsync(new Call("switchAliases", null, Example("switchAliases", "move")));
            await driver.FailAsync(404, 30010, new Call("getAlias", "spare"));
            await driver.SucceedAsync(new Call("deleteAlias", "live"));
            await driver.SucceedAsync(new Call("switchAliases", null, Example("switchAliases", "set")));
        }

        private async Task BuildAsync(string points)
        {
            var first = Text(await driver.SucceedAsync(new Call("buildCollection", points)), "task_id");
            var task = await EndOfTaskAsync(first);
            Assert.Equal("completed", Text(task, "status"));
            await driver.SucceedAsync(new Call("listTaskEvents", first) { Query = "page_size=10" });
            await driver.SucceedAsync(new Call("streamTask", first) { Expected = 200 });
            await driver.SucceedAsync(new Call("getTaskStats") { Query = "bucket=hour&type=index" });
            await driver.SucceedAsync(new Call("streamTasks")
            {
                Headers = new Dictionary<string, string> { ["X-Request-Timeout-Ms"] = "100", ["Last-Event-ID"] = "0-" },
            });
            await driver.SucceedAsync(new Call("listTaskLogs", first) { Query = "level=info&sort=-created_at" });
            await driver.SucceedAsync(new Call("listTaskAnswers", first) { Query = "sort=-number" });
            await EvaluationAsync();
            await driver.FailAsync(409, 50002, new Call("cancelTask", first));
            await driver.SucceedAsync(new Call("deleteTask", first));
            await driver.FailAsync(404, 50001, new Call("getTask", first));
        }

        private async Task SnapshotsAsync()
        {
            var first = await driver.SucceedAsync(
                new Call("createSnapshot", null, Example("createSnapshot", "plain")));
            Assert.Equal("completed", Text(await EndOfTaskAsync(Text(first, "task_id")), "status"));
            var id = Text(first, "snapshot_id");
            Assert.Equal(3, (int)(await driver.SucceedAsync(new Call("getSnapshot", id)))["rows"]!);
            var asked = await driver.SucceedAsync(new Call("restoreSnapshot", id, Example("restoreSnapshot")));
            Assert.Equal("completed", Text(await EndOfTaskAsync(Text(asked, "task_id")), "status"));
            var count = await driver.SucceedAsync(new Call("countVectors") { Query = "collection=points_again" });
            Assert.Equal(3, (int)count["count"]!);
            var kept = await driver.SucceedAsync(new Call("createSnapshot", null, Example("createSnapshot", "kept")));
            Assert.Equal("completed", Text(await EndOfTaskAsync(Text(kept, "task_id")), "status"));
            await driver.FailAsync(404, 30011, new Call("getSnapshot", id));
            await driver.FailAsync(404, 30011, new Call("restoreSnapshot", id, Json("""{ "name": "x" }""")));
            await driver.FailAsync(400, 30003, new Call("restoreSnapshot", id, Json("""{ "name": "1" }""")));
            await driver.FailAsync(404, 30001, new Call("createSnapshot", null, Json("""{ "collection": "no" }""")));
            var list = await driver.SucceedAsync(
                new Call("listSnapshots") { Query = "collection=points&page_size=5" });
            Assert.Equal(1, (int)list["total"]!);
            await driver.SucceedAsync(new Call("deleteSnapshot", Text(kept, "snapshot_id")));
            await driver.FailAsync(404, 30011, new Call("deleteSnapshot", Text(kept, "snapshot_id")));
            await driver.SucceedAsync(new Call("deleteCollection", "points_again"));
        }

        private async Task DeleteVectorsAsync()
        {
            foreach (var (_, value) in _contract.Examples(_contract["deleteVectors"].Body!))
                await driver.SucceedAsync(new Call("deleteVectors", null, value.DeepClone()));
            var count = await driver.SucceedAsync(new Call("countVectors") { Query = "collection=points" });
            Assert.Equal(1, (int)count["count"]!);
        }

        private async Task AlertsAsync()
        {
            var id = Text(
                await driver.SucceedAsync(new Call("createAlert", null, Example("createAlert", "burn_rate"))), "id");
            await driver.FailAsync(409, 50022, new Call("createAlert", null, Example("createAlert", "burn_rate")));
            await driver.SucceedAsync(new Call("listAlerts") { Query = "state=ok&metric=failure_rate&sort=name" });
            await driver.SucceedAsync(new Call("getAlert", id));
            await driver.SucceedAsync(new Call("testAlert", id));
            await driver.SucceedAsync(new Call("listAlertDeliveries", id));
            var always = Json("""{ "name": "always", "metric": "running", "threshold": -1 }""");
            await driver.SucceedAsync(new Call("replaceAlert", id, always));
            await server.WaitUntilAsync("fired", async () =>
            {
                var events = await driver.SucceedAsync(new Call("listAlertEvents", id) { Query = "sort=created_at" });
                return (int)events["total"]! > 0;
            });
            await driver.FailAsync(400, 10001, new Call("testAlert", id));
            await driver.FailAsync(422, 80001, new Call("createAlert", null, Json("""
                { "name": "inward", "metric": "failed", "threshold": 1,
                  "webhook": { "url": "http://169.254.169.254/", "secret": "0123456789abcdef" } }
                """)));
            await driver.SucceedAsync(new Call("deleteAlert", id));
            await driver.FailAsync(404, 50021, new Call("getAlert", id));
        }

        private async Task ServiceCallsAsync()
        {
            await server.WaitUntilAsync("recorded", async () =>
            {
                var calls = await driver.SucceedAsync(new Call("listServiceCalls") { Query = "method=SearchVectors" });
                return (long)calls["total"]! > 0;
            });
            await driver.SucceedAsync(
                new Call("listServiceCalls") { Query = "sort=created_at&status=success&page_size=200" });
            var answer = await driver.SucceedAsync(
                new Call("getServiceCallStats") { Query = "bucket=minute&group_by=source,status" });
            Assert.True((long)answer["stats"]!["overall"]!["count"]! > 0);
            await driver.FailAsync(400, 60001, new Call("getServiceCallStats")
            {
                Query = "from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z",
            });
        }

        private async Task EndAsync(string model, string points, string notes)
        {
            var deprecated = await driver.SucceedAsync(new Call("deprecateModel", model, DayAfterTomorrow()));
            Assert.Equal("deprecated", Text(deprecated, "status"));
            await driver.SucceedAsync(new Call("deleteModel", model));
            await driver.FailAsync(404, 20001, new Call("getModel", model));
            await driver.SucceedAsync(new Call("deleteCollection", points) { Query = "drop_aliases=true" });
            await driver.SucceedAsync(new Call("deleteCollection", notes));
            await driver.FailAsync(404, 30001, new Call("getCollection", points));
        }

        private static JsonObject DayAfterTomorrow() => new()
        {
            ["retire_at"] = TimeProvider.System.GetUtcNow().AddDays(2).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'"),
        };

        private async Task<JsonNode> EndOfTaskAsync(string id)
        {
            var task = await driver.SucceedAsync(new Call("getTask", id));
            // A task whose time has not come is ended by the caller.
            if (Text(task, "run_at").StartsWith("2999", StringComparison.Ordinal))
                await driver.SucceedAsync(new Call("cancelTask", id));
            await server.WaitUntilAsync($"task {id} ended", async () =>
            {
                task = await driver.SucceedAsync(new Call("getTask", id));
                return Text(task, "status") is "completed" or "failed" or "cancelled";
            });
            return task;
        }

        private JsonObject Example(string operationId, string name = "example") =>
            _contract[operationId].Example(name).AsObject();

        private static JsonNode Json(string text) => JsonNode.Parse(text)!;

        private static string Text(JsonNode node, string name) => (string)node[name]!;
    }
}
