using System.Net;
using Taishang.Core.Tests.Vectors;
using Taishang.Testing.Databases;
using static Taishang.Core.Tests.Models.ModelWorld;

namespace Taishang.Core.Tests.Models;

public sealed class ModelUsageTests
{
    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Whoever_names_a_model_is_listed_and_keeps_it_from_deletion(Core.Data.Dialect dialect)
    {
        await using var world = await VectorWorld.StartAsync(dialect);
        var id = await world.RegisterModelAsync();
        var other = await world.RegisterModelAsync("test-embed-2");
        async Task<string> Usage(string model)
        {
            var found = await world.Api.GetAsync($"{Root}/{model}/usage");
            return string.Join(' ', ((string[])["collections", "aliases", "schedules", "tasks"])
                .Select(kind => found[kind].GetProperty("total").GetInt32()));
        }

        Assert.Equal("0 0 0 0", await Usage(id));
        var collection = await world.CreateAsync("notes", 8, more: ""","model":"test-embed" """);
        await world.Api.PutAsync($"{Root}/{id}/aliases/champion", """{"version":"1.0.0"}""");
        var schedule = await world.Api.PostAsync("/api/taishang/tasks/schedules", """
            {"name":"nightly","cron":"0 3 * * *","type":"embedding",
             "payload":{"texts":["a"],"model":"builtin/test-embed@champion"}}
            """);
        Assert.True(schedule.Code == 0, schedule.ToString());
        var task = await world.Api.PostAsync("/api/taishang/tasks", $$"""
            {"type":"embedding","payload":{"texts":["a"],"model":"{{id}}@1.0.0"},"auto_start":false}
            """);
        Assert.True(task.Code == 0, task.ToString());
        Assert.Equal("1 1 1 1", await Usage(id));
        Assert.Equal("0 0 0 0", await Usage(other));
        var usage = await world.Api.GetAsync($"{Root}/{id}/usage");
        Assert.Equal(("notes", "nightly", "embedding", $"{id}@1.0.0"),
            (usage["collections"].GetProperty("items")[0].Text("name"),
             usage["schedules"].GetProperty("items")[0].Text("name"),
             usage["tasks"].GetProperty("items")[0].Text("type"),
             usage["tasks"].GetProperty("items")[0].Text("model")));

        var refused = await world.Api.DeleteAsync($"{Root}/{id}");
        Assert.Equal((HttpStatusCode.Conflict, 20008), (refused.Status, refused.Code));
        Assert.Equal(["collections", "schedules", "tasks"],
            refused["errors"].EnumerateArray().Select(error => error.Text("field")));
        Assert.Equal($"notes ({collection})", refused["errors"][0].Text("message"));
        var deprecated = await world.Api.PostAsync(
            $"{Root}/{id}/deprecate", """{"retire_at":"2099-01-01T00:00:00Z"}""");
        Assert.Equal(("deprecated", 1), (deprecated.String("status"),
            deprecated["usage"].GetProperty("collections").GetProperty("total").GetInt32()));
        usage = await world.Api.GetAsync($"{Root}/{id}/usage");
        Assert.Equal("2099-01-01T00:00:00.000000Z", usage.String("retire_at"));

        await world.Api.DeleteAsync("/api/taishang/vector_collections/notes");
        await world.Api.DeleteAsync($"/api/taishang/tasks/schedules/{schedule.String("id")}");
        Assert.Equal("0 1 0 1", await Usage(id));
        await world.Api.PostAsync($"/api/taishang/tasks/{task.String("id")}/cancel");
        Assert.Equal("0 1 0 0", await Usage(id));
        Assert.Equal(0, (await world.Api.DeleteAsync($"{Root}/{id}")).Code);
        Assert.Equal(20001, (await world.Api.GetAsync($"{Root}/{id}/usage")).Code);
    }
}
