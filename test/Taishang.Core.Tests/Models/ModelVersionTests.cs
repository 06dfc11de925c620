using System.Net;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Testing.Hosts;
using static Taishang.Core.Tests.Models.ModelWorld;

namespace Taishang.Core.Tests.Models;

public sealed class ModelVersionTests
{
    [Fact]
    public async Task A_new_version_becomes_current_and_the_old_one_stays_as_it_was()
    {
        await using var host = await CoreHost.StartAsync();
        var id = await host.RegisterAsync(
            """{"name":"notes","provider":"p","version":"1.0.0","endpoint":"http://127.0.0.1:9","config":{"a":1}}""");
        var updated = await host.Api.PutAsync($"{Root}/{id}", """{"version":"1.1.0","config":{"a":2}}""");
        Assert.Equal(("1.1.0", "http://127.0.0.1:9", 2, "active"), (updated.String("version"),
            updated.String("endpoint"), updated["config.a"].GetInt32(), updated.String("status")));

        var versions = await host.Api.GetAsync($"{Root}/{id}/versions?sort=created_at");
        Assert.Equal(
            "1.0.0 1 False 1, 1.1.0 1 True 2",
            string.Join(", ", versions["versions"].EnumerateArray().Select(v =>
                $"{v.Text("version")} {v.GetProperty("major")} {v.GetProperty("current").GetBoolean()}"
                + $" {v.GetProperty("config").GetProperty("a")}")));
        Assert.Equal(2, versions["total"].GetInt32());
        var newest = await host.Api.GetAsync($"{Root}/{id}/versions?page_size=1");
        Assert.Equal("1.1.0", newest["versions"][0].Text("version"));
    }

    [Fact]
    public async Task The_same_version_with_other_content_is_refused_and_with_the_same_content_changes_nothing()
    {
        await using var host = await CoreHost.StartAsync();
        var id = await host.RegisterAsync(
            """{"name":"n","provider":"p","version":"1.0.0","config":{"api_key":"sk-1","x":1}}""");
        var before = await host.Api.GetAsync($"{Root}/{id}");

        var other = await host.Api.PutAsync($"{Root}/{id}", """{"version":"1.0.0","config":{"x":2}}""");
        Assert.Equal((HttpStatusCode.Conflict, 20006), (other.Status, other.Code));
        var key = await host.Api.PutAsync($"{Root}/{id}", """{"version":"1.0.0","config":{"api_key":"sk-2","x":1}}""");
        Assert.Equal(20006, key.Code);

        foreach (var body in (string[])["""{"version":"1.0.0"}""",
            """{"version":"1.0.0","config":{"x":1,"api_key":"sk-1"}}""",
            """{"version":"1.0.0","config":{"api_key":"***","x":1}}"""])
            Assert.Equal(before.Text, (await host.Api.PutAsync($"{Root}/{id}", body)).Text);
    }

    [Fact]
    public async Task A_running_model_does_not_change_to_a_version_that_fails_its_test()
    {
        await using var host = await CoreHost.StartAsync();
        var id = await host.RegisterAsync();
        var before = await host.Api.GetAsync($"{Root}/{id}");
        host.Ai.On(AiCalls.TestModel, _ => new TestModelResponse { Reason = "no such file" });
        var failed = await host.Api.PutAsync($"{Root}/{id}", """{"version":"1.1.0"}""");
        Assert.Equal((HttpStatusCode.UnprocessableEntity, 20011), (failed.Status, failed.Code));
        Assert.Contains("no such file", failed.Message, StringComparison.Ordinal);
        host.Ai.Forget("TestModel");
        var down = await host.Api.PutAsync($"{Root}/{id}", """{"version":"1.1.0"}""");
        Assert.Equal((HttpStatusCode.ServiceUnavailable, 90001), (down.Status, down.Code));
        Assert.Equal(before.Text, (await host.Api.GetAsync($"{Root}/{id}")).Text);
        Assert.Equal(1, (await host.Api.GetAsync($"{Root}/{id}/versions"))["total"].GetInt32());
    }

    [Fact]
    public async Task A_model_at_rest_keeps_a_failing_version_with_its_reason()
    {
        var ai = new FakeAiClient().On(AiCalls.TestModel, _ => new TestModelResponse { Reason = "refused" });
        await using var host = await CoreHost.StartAsync(new CoreHostOptions { Ai = ai });
        var id = await host.RegisterAsync();
        host.Ai.On(AiCalls.TestModel, _ => new TestModelResponse { Reason = "still refused" });
        var updated = await host.Api.PutAsync($"{Root}/{id}", """{"version":"1.0.1"}""");
        Assert.Equal(("1.0.1", "inactive", "still refused"),
            (updated.String("version"), updated.String("status"), updated.String("status_reason")));
    }

    [Fact]
    public async Task Within_a_major_version_dims_and_kind_do_not_change()
    {
        await using var host = await CoreHost.StartAsync();
        var id = await host.RegisterAsync();
        host.Ai.WithPassingModels(768);
        var misfit = await host.Api.PutAsync($"{Root}/{id}", """{"version":"1.1.0"}""");
        Assert.Equal((HttpStatusCode.UnprocessableEntity, 20010), (misfit.Status, misfit.Code));
        Assert.Contains("has 1024 dims, this one 768", misfit.Message, StringComparison.Ordinal);
        var major = await host.Api.PutAsync($"{Root}/{id}", """{"version":"2.0.0"}""");
        Assert.Equal(768, major["dims"].GetInt32());
        host.Ai.On(AiCalls.TestModel, _ => new TestModelResponse { Passed = true, Kind = "classification" });
        Assert.Equal(20010, (await host.Api.PutAsync($"{Root}/{id}", """{"version":"2.0.1"}""")).Code);
    }

    [Fact]
    public async Task A_model_file_that_changed_under_its_version_is_noticed()
    {
        TestModelResponse Passed(char digit) => new()
        {
            Passed = true,
            Kind = "embedding",
            Dims = 4,
            Checksum = new string(digit, 64),
        };
        var ai = new FakeAiClient().On(AiCalls.TestModel, _ => Passed('a'));
        await using var host = await CoreHost.StartAsync(new CoreHostOptions { Ai = ai });
        var id = await host.RegisterAsync();
        await host.Api.PostAsync($"{Root}/{id}/deactivate");
        host.Ai.On(AiCalls.TestModel, _ => Passed('b'));
        var refused = await host.Api.PostAsync($"{Root}/{id}/activate");
        Assert.Equal((HttpStatusCode.UnprocessableEntity, 20010), (refused.Status, refused.Code));
        Assert.Equal(new string('a', 64),
            (await host.Api.GetAsync($"{Root}/{id}/versions"))["versions"][0].Text("checksum"));
    }

    [Fact]
    public async Task A_rollback_goes_to_any_version_that_is_there_without_asking_ai()
    {
        await using var host = await CoreHost.StartAsync();
        var id = await host.RegisterAsync("""{"name":"n","provider":"p","version":"1.0.0","config":{"a":1}}""");
        await host.Api.PutAsync($"{Root}/{id}", """{"version":"2.0.0","config":{"a":2}}""");
        host.Ai.Forget("TestModel");
        var back = await host.Api.PostAsync($"{Root}/{id}/rollback", """{"version":"1.0.0"}""");
        Assert.Equal(("1.0.0", 1, "active"),
            (back.String("version"), back["config.a"].GetInt32(), back.String("status")));
        Assert.Equal(0, (await host.Api.PostAsync($"{Root}/{id}/rollback", """{"version":"1.0.0"}""")).Code);
        Assert.Equal("2.0.0", (await host.Api.PostAsync(
            $"{Root}/{id}/rollback", """{"version":"2.0.0"}""")).String("version"));

        var unknown = await host.Api.PostAsync($"{Root}/{id}/rollback", """{"version":"9.0.0"}""");
        Assert.Equal((HttpStatusCode.NotFound, 20007), (unknown.Status, unknown.Code));
        Assert.Equal(20003, (await host.Api.PostAsync($"{Root}/{id}/rollback", """{"version":"x"}""")).Code);
        var exists = await host.Api.PutAsync($"{Root}/{id}", """{"version":"1.0.0"}""");
        Assert.Equal(20006, exists.Code);
    }

    [Theory]
    [InlineData("""{"config":{}}""", 10005)]
    [InlineData("""{"version":"2"}""", 20003)]
    [InlineData("""{"version":"1.0.1","name":"other"}""", 10003)]
    [InlineData("""{"version":"1.0.1","endpoint":"http://10.0.0.1"}""", 80001)]
    [InlineData("""{"version":"1.0.1","config":{"extra":{"token":"***"}}}""", 20003)]
    public async Task A_bad_update_is_refused_and_changes_nothing(string json, int code)
    {
        await using var host = await CoreHost.StartAsync();
        var id = await host.RegisterAsync();
        var before = await host.Api.GetAsync($"{Root}/{id}");
        Assert.Equal(code, (await host.Api.PutAsync($"{Root}/{id}", json)).Code);
        Assert.Equal(before.Text, (await host.Api.GetAsync($"{Root}/{id}")).Text);
        Assert.Equal(1, (await host.Api.GetAsync($"{Root}/{id}/versions"))["total"].GetInt32());
    }
}
