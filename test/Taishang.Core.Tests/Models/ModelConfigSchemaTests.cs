using System.Text.Json;
using Taishang.Core.Api;
using Taishang.Core.Models;
using Taishang.Testing.Hosts;
using static Taishang.Core.Tests.Models.ModelWorld;

namespace Taishang.Core.Tests.Models;

public sealed class ModelConfigSchemaTests
{
    [Theory]
    [InlineData("builtin", """{"model":"taishang-embed","task":null}""")]
    [InlineData("onnx", """{"pooling":"Mean","normalize":true,"labels":["a"],"id_offset":-1,"max_length":512}""")]
    [InlineData("openai", """{"api_key":"***","dimensions":256,"headers":{"X-Team":"search","Authorization":"***"}}""")]
    [InlineData("openai", """{"price":{"currency":"USD","input_per_1k":0.02},"extra":{"anything":[1]}}""")]
    [InlineData("openai", """{"price":{"currency":"CNY","per_call":0},"limits":{"parallel_calls":8}}""")]
    [InlineData("onnx", """{"resources":{"cpu_threads":4,"gpus":0},"precision":"int8","timeout_ms":1000}""")]
    [InlineData("openai", """{"stream_usage":false,"connect_timeout_ms":500}""")]
    [InlineData("remote", """{"target":{"provider":"openai","model":"m","config":{"api_key":"***","any":1}}}""")]
    [InlineData("of-my-own", """{"whatever":1}""")]
    public void What_a_provider_knows_is_taken(string provider, string config) =>
        ModelConfigSchema.Require(provider, Parse(config));

    [Theory]
    [InlineData("builtin", """{"pooling":"mean"}""", "config.pooling", 10003)]
    [InlineData("onnx", """{"poolin":"mean"}""", "config.poolin", 10003)]
    [InlineData("onnx", """{"pooling":"max"}""", "config.pooling", 20003)]
    [InlineData("onnx", """{"threads":1.5}""", "config.threads", 20003)]
    [InlineData("onnx", """{"normalize":"yes"}""", "config.normalize", 20003)]
    [InlineData("onnx", """{"labels":["a",1]}""", "config.labels", 20003)]
    [InlineData("openai", """{"api_key":""}""", "config.api_key", 20003)]
    [InlineData("openai", """{"limits":{"parallel":8}}""", "config.limits.parallel", 10003)]
    [InlineData("openai", """{"limits":{"parallel_calls":0}}""", "config.limits.parallel_calls", 20003)]
    [InlineData("openai", """{"limits":[]}""", "config.limits", 20003)]
    [InlineData("openai", """{"price":{"currency":"USD"}}""", "config.price", 20003)]
    [InlineData("openai", """{"price":{"currency":"usd","per_call":1}}""", "config.price", 20003)]
    [InlineData("openai", """{"price":{"per_call":1}}""", "config.price", 20003)]
    [InlineData("openai", """{"price":{"currency":"USD","per_call":1,"input_per_1k":1}}""", "config.price", 20003)]
    [InlineData("openai", """{"price":{"currency":"USD","per_call":-1}}""", "config.price.per_call", 20003)]
    [InlineData("openai", """{"headers":{"Host":"a"}}""", "config.headers", 20003)]
    [InlineData("openai", """{"headers":{"X-A":"b\r\nX-B: c"}}""", "config.headers", 20003)]
    [InlineData("openai", """{"headers":{"X A":"b"}}""", "config.headers", 20003)]
    [InlineData("openai", """{"headers":{"X-A":1}}""", "config.headers", 20003)]
    [InlineData("openai", """{"price":{"currency":"USD","per_call":1000001}}""", "config.price.per_call", 20003)]
    [InlineData("remote", """{"target":{"provder":"builtin"}}""", "config.target.provder", 10003)]
    [InlineData("remote", """{"target":{"config":1}}""", "config.target.config", 20003)]
    [InlineData("openai", """{"stream_usage":1}""", "config.stream_usage", 20003)]
    [InlineData("openai", """{"extra":1}""", "config.extra", 20003)]
    public void What_it_does_not_know_or_take_is_refused_with_its_path(
        string provider, string config, string field, int code)
    {
        var refused = Assert.Throws<ApiException>(() => ModelConfigSchema.Require(provider, Parse(config)));
        Assert.Contains(refused.Errors, error => (error.Field, error.Code) == (field, code));
    }

    [Theory]
    [InlineData(32, true)]
    [InlineData(33, false)]
    public void Headers_are_at_most_so_many(int count, bool fits)
    {
        var headers = string.Join(',', Enumerable.Range(0, count).Select(i => $"\"X-{i}\":\"a\""));
        var fault = Record.Exception(
            () => ModelConfigSchema.Require("openai", Parse($$$"""{"headers":{{{{headers}}}}}""")));

        Assert.Equal(fits, fault is null);
    }

    [Fact]
    public async Task A_config_is_checked_when_a_model_is_registered_and_when_a_version_is_added()
    {
        await using var host = await CoreHost.StartAsync();
        var refused = await host.Api.PostAsync(
            Root, """{"name":"a","provider":"onnx","version":"1.0.0","config":{"max_lenght":5}}""");
        Assert.Equal((10003, "config.max_lenght"), (refused.Code, refused["errors"][0].Text("field")));
        var id = await host.RegisterAsync(
            """{"name":"a","provider":"onnx","version":"1.0.0","config":{"max_length":5}}""");
        var update = await host.Api.PutAsync(
            $"{Root}/{id}", """{"version":"1.1.0","config":{"max_length":5,"Pooling":"mean"}}""");
        Assert.Equal((10003, "config.Pooling"), (update.Code, update["errors"][0].Text("field")));
        Assert.Equal(1, (await host.Api.GetAsync($"{Root}/{id}/versions"))["total"].GetInt32());
    }

    private static JsonElement Parse(string json) => JsonSerializer.Deserialize<JsonElement>(json);
}
