using System.Net;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Api;
using Taishang.Testing.Hosts;
using static Taishang.Core.Tests.Models.ModelWorld;

namespace Taishang.Core.Tests.Models;

public sealed class ModelEndpointsTests
{
    [Fact]
    public async Task A_model_that_passes_its_test_is_active_and_knows_its_dims()
    {
        await using var host = await CoreHost.StartAsync();
        var answer = await host.Api.PostAsync(Root,
            """{"name":"notes","provider":"builtin","version":"1.2.0","config":{"model":"taishang-embed"}}""");
        Assert.Equal(HttpStatusCode.Created, answer.Status);
        Assert.Equal(("active", "1.2.0", "embedding", 1024),
            (answer.String("status"), answer.String("version"), answer.String("kind"), answer["dims"].GetInt32()));
        Assert.False(answer.Data.TryGetProperty("status_reason", out _));
        Assert.Equal("taishang-embed", answer.String("config.model"));
        var read = await host.Api.GetAsync($"{Root}/{answer.String("id")}");
        Assert.Equal(answer.Text, read.Text);

        var spec = host.Ai.RequestsOf<TestModelRequest>().Single().Model;
        Assert.Equal(("notes", "builtin", "1.2.0", """{"model":"taishang-embed"}"""),
            (spec.Name, spec.Provider, spec.Version, spec.ConfigJson));
    }

    [Fact]
    public async Task A_model_that_fails_its_test_is_kept_inactive_with_the_reason()
    {
        var ai = new FakeAiClient().On(AiCalls.TestModel, _ => new TestModelResponse { Reason = "401 from upstream" });
        await using var host = await CoreHost.StartAsync(new CoreHostOptions { Ai = ai });
        var id = await host.RegisterAsync();
        var model = await host.ModelAsync(id);
        Assert.Equal(("inactive", "401 from upstream"), (model.Text("status"), model.Text("status_reason")));
    }

    [Fact]
    public async Task With_ai_down_a_registration_is_not_lost()
    {
        await using var host = await CoreHost.StartAsync(new CoreHostOptions { Ai = new FakeAiClient() });
        var id = await host.RegisterAsync();
        var model = await host.ModelAsync(id);
        Assert.Equal(("inactive", "not tested: no ai worker answers"),
            (model.Text("status"), model.Text("status_reason")));

        var refused = await host.Api.PostAsync($"{Root}/{id}/activate");
        Assert.Equal((HttpStatusCode.ServiceUnavailable, 90001), (refused.Status, refused.Code));
        host.Ai.WithPassingModels(384);
        Assert.Equal("active", (await host.Api.PostAsync($"{Root}/{id}/activate")).String("status"));
        model = await host.ModelAsync(id);
        Assert.Equal(384, model.GetProperty("dims").GetInt32());
        Assert.False(model.TryGetProperty("status_reason", out _));
    }

    [Fact]
    public async Task Asked_to_stay_inactive_it_does_so_after_a_passed_test()
    {
        await using var host = await CoreHost.StartAsync();
        var id = await host.RegisterAsync(
            """{"name":"notes","provider":"builtin","version":"1.0.0","status":"inactive"}""");
        Assert.Equal("inactive", (await host.ModelAsync(id)).Text("status"));
        Assert.Equal(1024, (await host.ModelAsync(id)).GetProperty("dims").GetInt32());
    }

    [Fact]
    public async Task Name_and_provider_are_taken_once_also_when_many_ask_at_once()
    {
        await using var host = await CoreHost.StartAsync();
        var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ =>
            host.Api.PostAsync(Root, """{"name":"notes","provider":"onnx","version":"1.0.0"}""")));
        Assert.Single(answers, answer => answer.Status == HttpStatusCode.Created);
        Assert.All(answers.Where(answer => answer.Status != HttpStatusCode.Created),
            answer => Assert.Equal((HttpStatusCode.Conflict, 20002), (answer.Status, answer.Code)));
        await host.RegisterAsync("""{"name":"notes","provider":"openai","version":"1.0.0"}""");
    }

    [Theory]
    [InlineData("""{"provider":"p","version":"1.0.0"}""", 10005, "name: required and missing")]
    [InlineData("""{"name":"","provider":"p","version":"1.0.0"}""", 20003, "name: expected 1–100")]
    [InlineData("""{"name":"a b","provider":"p","version":"1.0.0"}""", 20003, "name: expected 1–100")]
    [InlineData("""{"name":"a\n","provider":"p","version":"1.0.0"}""", 20003, "name: expected 1–100")]
    [InlineData("""{"name":"a","provider":"P","version":"1.0.0"}""", 20003, "provider: expected 1–50")]
    [InlineData("""{"name":"a","provider":"p","version":"one"}""", 20003, "version: expected a semantic version")]
    [InlineData("""{"name":"a","provider":"p","version":"1.0"}""", 20003, "version: expected a semantic version")]
    [InlineData("""{"name":"a","provider":"p","version":"01.0.0"}""", 20003, "version: expected a semantic version")]
    [InlineData("""{"name":"a","provider":"p","version":"1.0.0-aaaaaaaaaaaaaaa"}""", 20003, "version: expected")]
    [InlineData("""{"name":"a","provider":"p","version":"99999999999.0.0"}""", 20003, "version: expected")]
    [InlineData("""{"name":"a","provider":"p","version":"1.0.0","status":"deprecated"}""", 20003, "status: expected")]
    [InlineData("""{"name":"a","provider":"p","version":"1.0.0","config":[]}""", 10004, "config: expected an object")]
    [InlineData("""{"name":"a","provider":"p","version":"1.0.0","config":"{}"}""", 10004, "config: expected an object")]
    [InlineData("""{"name":"a","provider":"p","version":"1.0.0","id":"x"}""", 10003, "id: not a field")]
    [InlineData("""{"name":"a","provider":"p","version":"1.0.0","endpoint":5}""", 10004, "endpoint: expected a string")]
    [InlineData("""{"name":"a","provider":"p","version":"1.0.0","endpoint":"ftp://x"}""", 20003,
        "endpoint: expected an")]
    [InlineData("""{"name":"a","provider":"p","version":"1.0.0","endpoint":"http://169.254.169.254"}""", 80001,
        "endpoint: '169.254.169.254'")]
    [InlineData("""{"name":"a","provider":"p","version":"1.0.0","config":{"api_key":"***"}}""", 20003,
        "config.api_key: expected a value")]
    public async Task A_bad_registration_names_the_field_and_writes_nothing(string json, int code, string message)
    {
        await using var host = await CoreHost.StartAsync();
        var answer = await host.Api.PostAsync(Root, json);
        Assert.Equal(code, answer.Code);
        Assert.StartsWith(message, answer.Message, StringComparison.Ordinal);
        Assert.Equal(code is 80001 ? 422 : 400, (int)answer.Status);
        Assert.Equal(1, (await host.Api.GetAsync(Root))["total"].GetInt32());
        Assert.Empty(host.Ai.Requests);
    }

    [Fact]
    public async Task Several_broken_rules_are_told_at_once()
    {
        await using var host = await CoreHost.StartAsync();
        var answer = await host.Api.PostAsync(Root, """{"name":"","provider":"","version":""}""");
        Assert.Equal(["name", "provider", "version"],
            answer["errors"].EnumerateArray().Select(error => error.Text("field")));
    }

    [Fact]
    public async Task A_large_config_is_taken_to_its_limit_and_refused_beyond()
    {
        await using var host = await CoreHost.StartAsync();
        string Body(string name, int bytes) =>
            $$"""{"name":"{{name}}","provider":"p","version":"1.0.0","config":"""
            + $$"""{"x":"{{new string('a', bytes - 8)}}"} }""";
        Assert.Equal(0, (await host.Api.PostAsync(Root, Body("a", 65536))).Code);
        var answer = await host.Api.PostAsync(Root, Body("b", 65537));
        Assert.Equal((20003, "config: expected at most 65536 bytes"), (answer.Code, answer.Message));
    }

    [Fact]
    public async Task Lists_filter_sort_and_page()
    {
        await using var host = await CoreHost.StartAsync();
        foreach (var name in (string[])["beta", "alpha", "gamma"])
            await host.RegisterAsync($$"""{"name":"{{name}}","provider":"onnx","version":"1.0.0"}""");
        await host.Api.PostAsync(Root, """{"name":"idle","provider":"onnx","version":"2.0.0","status":"inactive"}""");

        async Task<string> Names(string query)
        {
            var answer = await host.Api.GetAsync($"{Root}?{query}");
            Assert.True(answer.Code == 0, answer.ToString());
            var names = answer["models"].EnumerateArray().Select(model => model.Text("name"));
            return $"{string.Join(",", names)} of {answer["total"]}";
        }

        Assert.Equal("idle,gamma,alpha,beta,taishang-embed of 5", await Names(""));
        Assert.Equal("alpha,beta,gamma,idle of 4", await Names("provider=onnx&sort=name"));
        Assert.Equal("gamma of 4", await Names("provider=onnx&sort=-name&page=2&page_size=1"));
        Assert.Equal("idle of 1", await Names("status=inactive"));
        Assert.Equal("idle of 1", await Names("version=2.0.0"));
        Assert.Equal("alpha of 1", await Names("name=alpha"));
        Assert.Equal(" of 5", await Names("page=9"));
    }

    [Theory]
    [InlineData("page=0", 10007)]
    [InlineData("page_size=201", 10007)]
    [InlineData("page_size=", 10007)]
    [InlineData("page=+1", 10007)]
    [InlineData("sort=config", 10007)]
    [InlineData("sort=--name", 10007)]
    [InlineData("page=1&page=2", 10007)]
    [InlineData("color=red", 10003)]
    [InlineData("status=ready", 10001)]
    [InlineData("name=%00", 10001)]
    public async Task A_bad_list_query_is_refused(string query, int code)
    {
        await using var host = await CoreHost.StartAsync();
        var answer = await host.Api.GetAsync($"{Root}?{query}");
        Assert.Equal((HttpStatusCode.BadRequest, code), (answer.Status, answer.Code));
    }

    [Theory]
    [InlineData("0197a000-0000-7000-8000-000000000009")]
    [InlineData("no-id")]
    [InlineData("'%3B%20DROP%20TABLE")]
    public async Task An_unknown_id_is_not_found_on_every_route(string id)
    {
        await using var host = await CoreHost.StartAsync();
        (HttpMethod Method, string Suffix, string? Body)[] routes =
        [
            (HttpMethod.Get, "", null), (HttpMethod.Put, "", """{"version":"1.0.0"}"""), (HttpMethod.Delete, "", null),
            (HttpMethod.Get, "/versions", null), (HttpMethod.Post, "/activate", null),
            (HttpMethod.Post, "/deactivate", null), (HttpMethod.Post, "/test", null),
            (HttpMethod.Post, "/deprecate", """{"retire_at":"2100-01-01T00:00:00Z"}"""),
            (HttpMethod.Post, "/rollback", """{"version":"1.0.0"}"""), (HttpMethod.Post, "/infer", """{"text":"a"}"""),
        ];
        foreach (var (method, suffix, body) in routes)
        {
            var answer = await host.Api.SendAsync(method, $"{Root}/{id}{suffix}", body);
            Assert.True(
                (HttpStatusCode.NotFound, 20001) == (answer.Status, answer.Code), $"{method} {suffix}: {answer}");
        }
    }

    [Fact]
    public async Task A_repeated_registration_under_a_key_gives_the_first_answer()
    {
        await using var host = await CoreHost.StartAsync();
        const string Body = """{"name":"notes","provider":"onnx","version":"1.0.0"}""";
        var first = await host.Api.PostAsync(Root, Body, "key-1");
        var again = await host.Api.PostAsync(Root, Body, "key-1");
        Assert.Equal((first.Status, first.Text), (again.Status, again.Text));
        Assert.Single(host.Ai.Requests);
        Assert.Equal(20002, (await host.Api.PostAsync(Root, Body, "key-2")).Code);
    }

    [Fact]
    public async Task A_deleted_model_is_gone_and_a_used_one_stays()
    {
        await using var host = await CoreHost.StartAsync();
        var id = await host.RegisterAsync();
        await host.UseAsync(id);
        var refused = await host.Api.DeleteAsync($"{Root}/{id}");
        Assert.Equal((HttpStatusCode.Conflict, 20008), (refused.Status, refused.Code));
        await host.UnuseAsync(id);
        Assert.Equal("""{"code":0,"message":"ok"}""", (await host.Api.DeleteAsync($"{Root}/{id}")).Text);
        Assert.Equal(20001, (await host.Api.GetAsync($"{Root}/{id}")).Code);
        Assert.Equal(20001, (await host.Api.DeleteAsync($"{Root}/{id}")).Code);
        await host.RegisterAsync();
    }
}
