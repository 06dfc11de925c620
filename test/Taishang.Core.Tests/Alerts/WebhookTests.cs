using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Taishang.Core.Alerts;
using Taishang.Core.Data;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Alerts;

/// <summary>Webhooks to a receiver on a real port that misbehaves.</summary>
public sealed class WebhookTests
{
    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Firing_and_resolving_are_sent_in_order_and_signed(Dialect dialect)
    {
        await using var server = await WebhookServer.StartAsync();
        await using var world = await AlertWorld.StartAsync(dialect);
        var alert = await world.AddAsync(url: server.Url);
        await world.EndAsync(0, 1);
        await world.EvaluateAsync(alert);
        await world.EvaluateAsync(alert, 400);
        // Both wait; the second goes once the first has gone.
        Assert.Equal(1, await world.Worker.DeliverAsync(default));
        Assert.Equal(1, await world.Worker.DeliverAsync(default));
        Assert.Equal(0, await world.Worker.DeliverAsync(default));

        Assert.Equal(2, server.Requests.Count);
        var deliveries = await world.DeliveriesAsync(alert);
        Assert.All(
            deliveries,
            one => Assert.Equal(("delivered", 1, (int?)200), (one.Status, one.Attempts, one.HttpStatus)));
        var first = server.Requests[0];
        Assert.Equal("/hook", first.Path);
        Assert.Equal("alert.firing", first.Headers[Webhooks.EventHeader]);
        Assert.Equal("alert.resolved", server.Requests[1].Headers[Webhooks.EventHeader]);
        Assert.Equal(deliveries[0].Id, first.Headers[Webhooks.DeliveryHeader]);
        var timestamp = long.Parse(first.Headers[Webhooks.TimestampHeader]);
        Assert.Equal(world.Data.Time.GetUtcNow().ToUnixTimeSeconds(), timestamp);
        Assert.Equal(
            Webhooks.Sign(AlertWorld.Secret, timestamp, deliveries[0].Id, first.Body),
            first.Headers[Webhooks.SignatureHeader]);
        using var body = JsonDocument.Parse(first.Body);
        Assert.Equal("failures", body.RootElement.GetProperty("alert").GetProperty("name").GetString());
        Assert.DoesNotContain(AlertWorld.Secret, first.Body, StringComparison.Ordinal);
    }

    [Fact]
    public void The_signature_is_a_plain_HMAC_of_time_delivery_and_body() => Assert.Equal(
        // printf '1700000000.d1.{}' | openssl dgst -sha256 -hmac key
        "v1=47725199cee6f328756009dff436d7c5e00a0f454e464dec23b21454cc805109",
        Webhooks.Sign("key", 1_700_000_000, "d1", "{}"));

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_receiver_that_fails_in_every_way_is_tried_again_with_the_same_delivery(Dialect dialect)
    {
        await using var server = await WebhookServer.StartAsync();
        server.Behave(async (context, count) =>
        {
            if (count == 1) context.Response.StatusCode = 500;
            else if (count == 2) context.Abort();
            else if (count == 3) context.Response.Redirect("/elsewhere");
            else if (count == 4) await Task.Delay(Timeout.Infinite, context.RequestAborted);
        });
        await using var world = await AlertWorld.StartAsync(dialect, options => options.WebhookTimeoutMs = 60_000);
        var alert = await FireAsync(world, server.Url);

        for (var attempt = 1; attempt <= 5; attempt++)
        {
            var sending = world.Worker.DeliverAsync(default);
            // The fourth hangs until its time is over.
            while (attempt == 4 && server.Requests.Count < 4) await Task.Yield();
            if (attempt == 4) world.Data.FakeTime.Advance(TimeSpan.FromSeconds(60));
            Assert.Equal(1, await sending);
            var now = Assert.Single(await world.DeliveriesAsync(alert));
            Assert.Equal((attempt == 5 ? "delivered" : "pending", attempt), (now.Status, now.Attempts));
            if (attempt < 5) Assert.NotNull(now.LastError);
            world.Data.FakeTime.Advance(TimeSpan.FromHours(1));
        }

        Assert.Equal(5, server.Requests.Count);
        Assert.Single(server.Requests.Select(one => one.Headers[Webhooks.DeliveryHeader]).Distinct());
        Assert.Single(server.Requests.Select(one => one.Body).Distinct());
        Assert.DoesNotContain("/elsewhere", server.Requests.Select(one => one.Path));
        // Each attempt has its own time, so the signature is another.
        Assert.Equal(5, server.Requests.Select(one => one.Headers[Webhooks.SignatureHeader]).Distinct().Count());
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_receiver_that_stays_broken_is_given_up_and_one_that_is_gone_at_once(Dialect dialect)
    {
        await using var server = await WebhookServer.StartAsync();
        server.Behave((context, _) =>
        {
            context.Response.StatusCode = 503;
            context.Response.Headers.RetryAfter = "120";
            return context.Response.WriteAsync(new string('x', 100_000));
        });
        await using var world = await AlertWorld.StartAsync(dialect, options => options.WebhookAttempts = 3);
        var alert = await FireAsync(world, server.Url);
        await world.Worker.DeliverAsync(default);
        // It asked for two minutes.
        world.Data.FakeTime.Advance(TimeSpan.FromSeconds(119));
        Assert.Equal(0, await world.Worker.DeliverAsync(default));
        for (var i = 0; i < 5; i++)
        {
            world.Data.FakeTime.Advance(TimeSpan.FromSeconds(121));
            await world.Worker.DeliverAsync(default);
        }

        Assert.Equal(3, server.Requests.Count);
        var failed = Assert.Single(await world.DeliveriesAsync(alert));
        Assert.Equal(("failed", 503), (failed.Status, failed.HttpStatus));
        Assert.InRange(failed.LastError!.Length, 10, 500);

        server.Behave((context, _) =>
        {
            context.Response.StatusCode = 410;
            return Task.CompletedTask;
        });
        await world.Deliveries.AddTestAsync(await world.Store.GetAsync(alert.Id, default), default);
        await world.Worker.DeliverAsync(default);
        var gone = (await world.DeliveriesAsync(alert))[1];
        Assert.Equal(("failed", 1), (gone.Status, gone.Attempts));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_webhook_whose_sender_died_is_sent_by_another_and_by_no_two_at_once(Dialect dialect)
    {
        await using var server = await WebhookServer.StartAsync();
        await using var world = await AlertWorld.StartAsync(dialect);
        await using var other = world.Another();
        var alert = await FireAsync(world, server.Url);
        // Taken, and never heard of again.
        var dead = Assert.Single(await world.Deliveries.TakeDueAsync(20_000, 16, default));
        var worker = other.GetRequiredService<AlertWorker>();
        Assert.Equal(0, await worker.DeliverAsync(default));
        world.Data.FakeTime.Advance(TimeSpan.FromSeconds(21));
        Assert.Equal(1, await worker.DeliverAsync(default));

        // What the first one has to say comes too late.
        await world.Deliveries.SettleAsync(dead, "failed", new WebhookAnswer(500, "late"), 0, default);
        var sent = Assert.Single(await world.DeliveriesAsync(alert));
        Assert.Equal(("delivered", 2), (sent.Status, sent.Attempts));
    }

    [Fact]
    public async Task An_address_that_may_not_be_reached_is_judged_when_it_is_connected()
    {
        await using var world = await AlertWorld.StartAsync(Dialect.Sqlite);
        // Saved when it was allowed, or its name led elsewhere then.
        var alert = await FireAsync(world, "http://169.254.169.254/latest/meta-data");

        await world.Worker.DeliverAsync(default);

        var refused = Assert.Single(await world.DeliveriesAsync(alert));
        Assert.Equal(("pending", (int?)null), (refused.Status, refused.HttpStatus));
        Assert.Contains("never reached", refused.LastError, StringComparison.Ordinal);
    }

    private static async Task<Alert> FireAsync(AlertWorld world, string url)
    {
        var alert = await world.AddAsync(url: url);
        await world.EndAsync(0, 1);
        Assert.Equal("firing", await world.EvaluateAsync(alert));
        return alert;
    }
}
