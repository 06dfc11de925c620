using System.Net;
using Taishang.Testing.Hosts;

namespace Taishang.Core.Tests.Alerts;

public sealed class AlertApiTests
{
    private const string Alerts = "/api/taishang/alerts";

    [Fact]
    public async Task A_rule_is_created_read_changed_listed_tested_and_deleted()
    {
        await using var server = await WebhookServer.StartAsync();
        await using var host = await CoreHost.StartAsync(new CoreHostOptions
        {
            Settings = new Dictionary<string, string> { ["Alerts:PollMs"] = "10" },
        });
        var body = $$"""
            {"name":"deep","metric":"queue_depth","threshold":100,
            "webhook":{"url":"{{server.Url}}","secret":"0123456789abcdef"} }
            """;
        var created = await host.Api.PostAsync(Alerts, body, "key-1");
        Assert.Equal(HttpStatusCode.Created, created.Status);
        var id = created.String("id");
        Assert.Equal(id, (await host.Api.PostAsync(Alerts, body, "key-1")).String("id"));
        Assert.Equal("ok", created.String("state"));
        Assert.DoesNotContain("0123456789abcdef", created.Text, StringComparison.Ordinal);
        Assert.Equal(50022, (await host.Api.PostAsync(Alerts, body)).Code);

        var test = await host.Api.PostAsync($"{Alerts}/{id}/test");
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while ((await host.Api.GetAsync($"{Alerts}/{id}/deliveries"))["deliveries"][0].GetProperty("status").GetString()
            != "delivered")
            await Task.Delay(5, limit.Token);
        Assert.Equal(test.String("delivery_id"), server.Requests[0].Headers["X-Taishang-Delivery"]);

        // The secret stays when the address does, and is asked for again when another would get it.
        var changed = await host.Api.PutAsync(
            $"{Alerts}/{id}",
            $$"""{"name":"deep","metric":"queue_depth","threshold":-1,"webhook":{"url":"{{server.Url}}"} }""");
        Assert.Equal(-1, changed["threshold"].GetDouble());
        var stolen = await host.Api.PutAsync(
            $"{Alerts}/{id}",
            $$"""{"name":"deep","metric":"queue_depth","threshold":1,"webhook":{"url":"{{server.Url}}2"} }""");
        Assert.Equal((HttpStatusCode.BadRequest, 10001), (stolen.Status, stolen.Code));
        while ((await host.Api.GetAsync($"{Alerts}?state=firing&sort=name"))["total"].GetInt32() == 0)
            await Task.Delay(5, limit.Token);
        var events = await host.Api.GetAsync($"{Alerts}/{id}/events");
        Assert.Equal("firing", events["events"][0].GetProperty("event").GetString());

        Assert.Equal(HttpStatusCode.OK, (await host.Api.DeleteAsync($"{Alerts}/{id}")).Status);
        foreach (var path in (string[])["", "/events", "/deliveries"])
            Assert.Equal(50021, (await host.Api.GetAsync($"{Alerts}/{id}{path}")).Code);
        Assert.Equal(50021, (await host.Api.PostAsync($"{Alerts}/{id}/test")).Code);
    }

    [Theory]
    [InlineData("""{"name":"","metric":"failure_rate","threshold":1}""", "name")]
    [InlineData("""{"name":"a","metric":"weather","threshold":1}""", "metric")]
    [InlineData("""{"name":"a","metric":"failure_rate","threshold":1,"comparison":"near"}""", "comparison")]
    [InlineData("""{"name":"a","metric":"failure_rate","threshold":1,"window_seconds":59}""", "window_seconds")]
    [InlineData("""{"name":"a","metric":"failure_rate","threshold":1,"for_seconds":-1}""", "for_seconds")]
    [InlineData("""{"name":"a","metric":"failure_rate","threshold":1,"objective":0.9}""", "objective")]
    [InlineData("""{"name":"a","metric":"p95_ms","threshold":1,"kind":"burn_rate","objective":0.9}""", "metric")]
    [InlineData("""{"name":"a","metric":"failure_rate","threshold":1,"kind":"burn_rate","objective":1}""", "objective")]
    [InlineData(
        """{"name":"a","metric":"failed","threshold":1,"webhook":{"url":"http://127.0.0.1:9"}}""", "webhook.secret")]
    [InlineData(
        """{"name":"a","metric":"failed","threshold":1,"webhook":{"url":"ftp://x","secret":"0123456789abcdef"}}""",
        "webhook.url")]
    public async Task What_is_wrong_is_refused_by_name(string body, string named)
    {
        await using var host = await CoreHost.StartAsync();
        var answer = await host.Api.PostAsync(Alerts, body);
        Assert.Equal((HttpStatusCode.BadRequest, 10001), (answer.Status, answer.Code));
        Assert.Contains(named, answer.Message, StringComparison.Ordinal);
        Assert.Equal(0, (await host.Api.GetAsync(Alerts))["total"].GetInt32());
    }

    [Fact]
    public async Task A_webhook_into_a_private_network_is_refused()
    {
        await using var host = await CoreHost.StartAsync();
        var answer = await host.Api.PostAsync(Alerts, """
            {"name":"a","metric":"failed","threshold":1,
            "webhook":{"url":"http://169.254.169.254/x","secret":"0123456789abcdef"}}
            """);
        Assert.Equal((HttpStatusCode.UnprocessableEntity, 80001), (answer.Status, answer.Code));
        Assert.StartsWith("webhook.url", answer.Message, StringComparison.Ordinal);
    }
}
