using Microsoft.Extensions.Configuration;
using Taishang.Server;

namespace Taishang.Server.Tests;

public sealed class ServerOptionsTests
{
    [Fact]
    public void Nothing_said_means_everything_in_one_process_on_loopback()
    {
        var options = Read();
        Assert.Equal(ServerRole.All, options.Role);
        Assert.True(options is { HasCore: true, HasAi: true });
        Assert.Equal(("http://127.0.0.1:7080", "http://127.0.0.1:7081"), (options.Http, options.Grpc));
        Assert.Equal(Path.GetFullPath("data"), options.DataFolder);
    }

    [Fact]
    public void An_ai_alone_has_no_http_address_unless_given()
    {
        Assert.Null(Read(("Taishang:Role", "ai")).Http);
        Assert.Equal("http://127.0.0.1:9", Read(("Taishang:Role", "ai"), ("Taishang:Http", "http://127.0.0.1:9")).Http);
    }

    [Theory]
    [InlineData("Taishang:Role", "boss")]
    [InlineData("Taishang:Http", "https://127.0.0.1:1")]
    [InlineData("Taishang:Http", "127.0.0.1:7080")]
    [InlineData("Taishang:Grpc", "http://127.0.0.1:7081/path")]
    [InlineData("Taishang:StopTimeoutSeconds", "601")]
    public void A_value_that_can_not_be_used_refuses_the_start_with_the_usage_code(string key, string value)
    {
        var refused = Assert.Throws<StartRefusedException>(() => Read((key, value)));
        Assert.Equal(ExitCode.Usage, refused.ExitCode);
    }

    [Theory]
    [InlineData("http://0.0.0.0:7081", "http://127.0.0.1:7081")]
    [InlineData("http://[::]:7081", "http://127.0.0.1:7081")]
    [InlineData("http://10.1.2.3:7081", "http://10.1.2.3:7081")]
    [InlineData("http://[::1]:7081", "http://[::1]:7081")]
    public void An_address_that_listens_everywhere_is_reached_through_loopback(string address, string reachable) =>
        Assert.Equal(reachable, HostAddress.Reachable(address));

    private static ServerOptions Read(params (string Key, string Value)[] values) => ServerOptions.Read(
        new ConfigurationBuilder()
            .AddInMemoryCollection(values.ToDictionary(pair => pair.Key, pair => (string?)pair.Value))
            .Build());
}
