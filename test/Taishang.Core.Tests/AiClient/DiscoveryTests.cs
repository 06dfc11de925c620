using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.AiClient.Discovery;

namespace Taishang.Core.Tests.AiClient;

public sealed class DiscoveryTests
{
    private static readonly SearchVectorsRequest Search = new() { CollectionId = "c", TopK = 3 };

    [Fact]
    public async Task Workers_behind_a_dns_name_come_and_go_with_its_addresses()
    {
        await using var worker = await FakeWorker.StartAsync();
        var lookups = new ConcurrentQueue<string>();
        IPAddress[] answer = [];
        using var sources = new AddressSources(
            (host, _) =>
            {
                lookups.Enqueue(host);
                return answer is { Length: > 0 } found ? Task.FromResult(found) : throw new IOException("no such host");
            },
            new HttpClient());
        await using var world = await ClientWorld.StartAsync($"dns:///workers.test:{worker.Port}", null, sources);
        Assert.Empty(world.Pool.Connections);

        Volatile.Write(ref answer, [IPAddress.Loopback]);
        await world.UntilAsync(pool => pool.ServingIds().Count == 1);
        await world.Client.CallAsync(AiCalls.SearchVectors, Search, worker.Id, CancellationToken.None);
        Volatile.Write(ref answer, []);
        var asked = lookups.Count;
        await world.UntilAsync(_ => lookups.Count > asked + 2);

        // The name service is away: what was known stays.
        Assert.Single(world.Pool.ServingIds());
        Assert.All(lookups, host => Assert.Equal("workers.test", host));
    }

    [Fact]
    public async Task Passing_instances_of_a_consul_service_are_the_workers()
    {
        await using var one = await FakeWorker.StartAsync();
        await using var two = await FakeWorker.StartAsync();
        var consul = new FakeConsul { Answer = $"[{Instance(one.Port, "127.0.0.1", "")}]" };
        await using var app = await consul.StartAsync();
        await using var world = await ClientWorld.StartAsync(
            $"consul://127.0.0.1:{consul.Port}/taishang-ai", new() { ["Ai:ConsulToken"] = "secret" });
        Assert.Equal([one.Id], world.Pool.ServingIds());
        Assert.Equal("/v1/health/service/taishang-ai?passing=1", consul.Requests.First());
        Assert.Equal("secret", consul.Token);

        // An instance without an address of its own lives at its node's.
        consul.Answer = $"[{Instance(two.Port, "", "127.0.0.1")}]";
        await world.UntilAsync(pool => pool.ServingIds() is [var id] && id == two.Id);
        await world.Client.CallAsync(AiCalls.SearchVectors, Search, null, CancellationToken.None);
        Assert.Equal((0, 1), (one.Count("SearchVectors"), two.Count("SearchVectors")));

        foreach (var broken in (string[])["", "{}", "[{}]", "[{\"Service\":{\"Address\":7}}]"])
        {
            consul.Answer = broken;
            var asked = consul.Requests.Count;
            await world.UntilAsync(_ => consul.Requests.Count > asked + 1);
            Assert.Equal([two.Id], world.Pool.ServingIds());
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("127.0.0.1:7081")]
    [InlineData("ftp://host:1")]
    [InlineData("http://host:1/path")]
    [InlineData("dns:///host")]
    [InlineData("dns://server/host:1")]
    [InlineData("dns:///host:99999")]
    [InlineData("consul://host:8500")]
    [InlineData("consul://host:8500/a/b")]
    [InlineData("unix://host/path")]
    public void An_address_of_no_known_form_is_refused_by_name(string text)
    {
        var error = Assert.Throws<InvalidOperationException>(() => WorkerAddress.ParseList(text));
        Assert.Contains($"'{text}'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Addresses_are_read_in_all_their_forms()
    {
        var found = WorkerAddress.ParseList(
            "http://a:1, https://b:2,unix:///run/ai.sock,dns:///c.d:3,consul://e/svc,consul://e:4/svc,http://a:1");

        Assert.Equal(
            [
                (WorkerAddressKind.Http, "a", 1, ""), (WorkerAddressKind.Http, "b", 2, ""),
                (WorkerAddressKind.Unix, "", 0, "/run/ai.sock"), (WorkerAddressKind.Dns, "c.d", 3, ""),
                (WorkerAddressKind.Consul, "e", 8500, "svc"), (WorkerAddressKind.Consul, "e", 4, "svc"),
            ],
            found.Select(one => (one.Kind, one.Host, one.Port, one.Path)));
    }

    private static string Instance(int port, string serviceAddress, string nodeAddress) =>
        $$"""{"Node":{"Address":"{{nodeAddress}}"},"Service":{"Address":"{{serviceAddress}}","Port":{{port}}} }""";

    private sealed class FakeConsul
    {
        public string Answer { get; set; } = "[]";

        public ConcurrentQueue<string> Requests { get; } = new();

        public string? Token { get; private set; }

        public int Port { get; private set; }

        public async Task<WebApplication> StartAsync()
        {
            var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
            builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
            builder.Services.AddRouting();
            var app = builder.Build();
            app.Run(context =>
            {
                Requests.Enqueue(context.Request.Path + context.Request.QueryString);
                Token = context.Request.Headers["X-Consul-Token"];
                return context.Response.WriteAsync(Answer);
            });
            await app.StartAsync();
            Port = new Uri(app.Urls.First()).Port;
            return app;
        }
    }
}
