namespace Taishang.System.Tests.Contract;

/// <content>What a day does with tasks.</content>
public sealed partial class EveryOperationTests
{
    private sealed partial class Day
    {
        private async Task TasksAsync()
        {
            var queued =
                Text(await driver.SucceedAsync(new Call("createTask", null, Example("createTask", "queued"))), "id");
            Assert.Equal("completed", Text(await EndOfTaskAsync(queued), "status"));
            await driver.FailAsync(409, 50002, new Call("retryTask", queued));
            await driver.FailAsync(409, 50002, new Call("updateTask", queued, Example("updateTask")));

            var parked = Example("createTask", "parked");
            parked["run_at"] = "2999-01-01T00:00:00Z";
            var id = Text(await driver.SucceedAsync(new Call("createTask", null, parked)), "id");
            var changed = await driver.SucceedAsync(new Call("updateTask", id, Example("updateTask")));
            Assert.Equal(9, (int)changed["priority"]!);
            await driver.FailAsync(409, 50002, new Call("stopTask", id));
            await driver.FailAsync(409, 50002, new Call("deleteTask", id));
            Assert.Equal("pending", Text(await driver.SucceedAsync(new Call("startTask", id)), "status"));
            await driver.FailAsync(409, 50002, new Call("startTask", id));
            Assert.Equal("pending", Text(await driver.SucceedAsync(new Call("stopTask", id)), "status"));
            Assert.Equal("cancelled", Text(await driver.SucceedAsync(new Call("cancelTask", id)), "status"));
            Assert.Equal("pending", Text(await driver.SucceedAsync(new Call("retryTask", id)), "status"));
            await driver.SucceedAsync(new Call("getTask", id));
            await driver.SucceedAsync(new Call("listTasks") { Query = "type=index&page_size=5" });
            await driver.SucceedAsync(new Call("listTaskEvents", id));
            await driver.FailAsync(
                400, 50003, new Call("createTask", null, Json("""{ "type": "x", "payload": {} }""")));
            await driver.FailAsync(
                400, 50004, new Call("createTask", null, Json("""{ "type": "index", "payload": {} }""")));
            await EndOfTaskAsync(id);
            await TiesAsync();
            await SchedulesAsync();
        }

        private async Task EvaluationAsync()
        {
            var body = Json("""
                { "type": "evaluation", "payload": { "collection": "points", "sample": 2, "ef": [16, 64], "k": 1 } }
                """);
            var id = Text(await driver.SucceedAsync(new Call("createTask", null, body)), "id");
            Assert.Equal("completed", Text(await EndOfTaskAsync(id), "status"));
            var page = await driver.SucceedAsync(new Call("listTaskAnswers", id) { Query = "page_size=1" });
            Assert.Equal(2, (int)page["answers"]![0]!["answer"]!["runs"]!.AsArray().Count);
        }

        private async Task SchedulesAsync()
        {
            var body = Example("createSchedule");
            var id = Text(await driver.SucceedAsync(new Call("createSchedule", null, body)), "id");
            await driver.FailAsync(409, 50012, new Call("createSchedule", null, Example("createSchedule")));
            var changed = await driver.SucceedAsync(new Call("updateSchedule", id, Example("updateSchedule")));
            Assert.Equal(("30 3 * * *", 2), ((string)changed["cron"]!, (int)changed["priority"]!));
            Assert.True((bool)(await driver.SucceedAsync(new Call("pauseSchedule", id)))["paused"]!);
            await driver.SucceedAsync(new Call("listSchedules") { Query = "paused=true&type=snapshot&sort=-name" });
            Assert.False((bool)(await driver.SucceedAsync(new Call("resumeSchedule", id)))["paused"]!);
            var task = Text(await driver.SucceedAsync(new Call("runSchedule", id)), "id");
            Assert.Equal("completed", Text(await EndOfTaskAsync(task), "status"));
            await driver.SucceedAsync(new Call("getSchedule", id));
            foreach (var bad in new[] { "\"cron\": \"61 * * * *\"", "\"time_zone\": \"Mars\"", "\"missed\": \"x\"" })
                await driver.FailAsync(400, 50013, new Call("updateSchedule", id, $"{{{bad}}}"));
            await driver.FailAsync(404, 50011, new Call("getSchedule", task));
            await driver.FailAsync(404, 50011, new Call("pauseSchedule", "nonsense"));
            await driver.SucceedAsync(new Call("deleteSchedule", id));
            await driver.FailAsync(404, 50011, new Call("deleteSchedule", id));
        }

        private async Task TiesAsync()
        {
            var keyed = Json("""
                { "type": "index", "payload": { "collection": "points" }, "unique_key": "day",
                  "run_at": "2999-01-01T00:00:00Z" }
                """);
            var first = Text(await driver.SucceedAsync(new Call("createTask", null, keyed)), "id");
            var again = await driver.SucceedAsync(new Call("createTask", null, keyed.DeepClone()) { Expected = 200 });
            Assert.Equal(first, Text(again, "id"));
            await driver.SucceedAsync(new Call("cancelTask", first));
            var second = Text(await driver.SucceedAsync(new Call("createTask", null, keyed.DeepClone())), "id");
            await driver.FailAsync(409, 50009, new Call("retryTask", first));
            await driver.SucceedAsync(new Call("cancelTask", second));

            var graph = await driver.SucceedAsync(new Call("createTaskGraph", null, Example("createTaskGraph")));
            var tasks = graph["tasks"]!.AsArray();
            Assert.Equal(Text(tasks[0]!, "id"), (string)tasks[1]!["depends_on"]![0]!);
            Assert.Equal("completed", Text(await EndOfTaskAsync(Text(tasks[1]!, "id")), "status"));
            await driver.SucceedAsync(new Call("listTaskEvents", Text(tasks[1]!, "id")));
            await driver.FailAsync(422, 50010, new Call("createTaskGraph", null, Json("""
                { "tasks": [{ "key": "a", "type": "index", "payload": { "collection": "points" },
                  "depends_on": ["a"] }] }
                """)));
        }
    }
}
