using System.Net;
using System.Net.Sockets;
using Taishang.Core.Api;
using Taishang.Core.Security;

namespace Taishang.Core.Tests.Security;

public sealed class EndpointRuleTests
{
    [Theory]
    [InlineData("https://api.example.com/v1")]
    [InlineData("http://8.8.8.8:8080")]
    [InlineData("https://[2606:4700::1111]/")]
    [InlineData("http://localhost:11434")]
    [InlineData("http://LOCALHOST.:11434")]
    [InlineData("http://ollama.localhost")]
    [InlineData("http://127.0.0.1:9")]
    [InlineData("http://127.8.9.10")]
    [InlineData("http://[::1]:9")]
    [InlineData("http://[::ffff:127.0.0.1]")]
    [InlineData("http://2130706433/")]
    [InlineData("http://0x7f000001/")]
    public Task Public_and_loopback_addresses_are_taken(string endpoint) =>
        Rule().CheckAsync(endpoint, CancellationToken.None);

    [Theory]
    [InlineData("http://169.254.169.254/latest/meta-data")]
    [InlineData("http://2852039166/")]
    [InlineData("http://0xA9FEA9FE/")]
    [InlineData("http://0251.0376.0251.0376/")]
    [InlineData("http://0xa9.0xfe.0xa9.0xfe/")]
    [InlineData("http://169.254.43518/")]
    [InlineData("http://[::ffff:169.254.169.254]/")]
    [InlineData("http://[::ffff:a9fe:a9fe]/")]
    [InlineData("http://[::169.254.169.254]/")]
    [InlineData("http://[64:ff9b::169.254.169.254]/")]
    [InlineData("http://[2002:a9fe:a9fe::1]/")]
    [InlineData("http://[2001:0:1:2::3]/")]
    [InlineData("http://[fd00:ec2::254]/")]
    [InlineData("http://[fd20:ce::254]/")]
    [InlineData("http://[fe80::1]/")]
    [InlineData("http://[fe80::1%25eth0]/")]
    [InlineData("http://100.100.100.200/")]
    [InlineData("http://168.63.129.16/")]
    [InlineData("http://192.0.0.192/")]
    [InlineData("http://0.0.0.0/")]
    [InlineData("http://0/")]
    [InlineData("http://[::]/")]
    [InlineData("http://224.0.0.1/")]
    [InlineData("http://255.255.255.255/")]
    [InlineData("http://metadata.google.internal/")]
    [InlineData("http://METADATA.google.internal./")]
    [InlineData("http://metadata/")]
    [InlineData("http://leads-to-metadata.example.com/")]
    [InlineData("http://one-of-two.example.com/")]
    public async Task Metadata_and_reserved_addresses_are_never_reached_not_even_by_the_allow_list(string endpoint)
    {
        var all = Rule("0.0.0.0/0", "::/0");
        var e = await Assert.ThrowsAsync<ApiException>(() => all.CheckAsync(endpoint, CancellationToken.None));
        Assert.Equal(ErrorCodes.EndpointForbidden, e.Code);
        Assert.Equal("endpoint", e.Errors.Single().Field);
    }

    [Theory]
    [InlineData("http://10.1.2.3")]
    [InlineData("http://172.16.0.1")]
    [InlineData("http://172.31.255.255")]
    [InlineData("http://192.168.1.1")]
    [InlineData("http://100.64.0.1")]
    [InlineData("http://[fc00::1]")]
    [InlineData("http://[fd12:3456::1]")]
    [InlineData("http://[::ffff:10.0.0.1]")]
    [InlineData("http://[64:ff9b::10.0.0.1]")]
    [InlineData("http://167772161")]
    [InlineData("http://012.0.0.1")]
    [InlineData("http://leads-to-private.example.com")]
    public async Task Private_networks_are_reached_only_by_the_allow_list(string endpoint)
    {
        var e = await Assert.ThrowsAsync<ApiException>(() => Rule().CheckAsync(endpoint, CancellationToken.None));
        Assert.Equal(ErrorCodes.EndpointForbidden, e.Code);
        var listed = Rule(
            "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7");
        await listed.CheckAsync(endpoint, CancellationToken.None);
    }

    [Theory]
    [InlineData("")]
    [InlineData("api.example.com")]
    [InlineData("/v1")]
    [InlineData("file:///etc/passwd")]
    [InlineData("ftp://example.com")]
    [InlineData("gopher://example.com")]
    [InlineData("http://")]
    [InlineData("http:///v1")]
    [InlineData("http://user:secret@example.com")]
    [InlineData("http://169.254.169.254@example.com")]
    [InlineData("http://example.com@169.254.169.254")]
    [InlineData("http://example.com\\@169.254.169.254")]
    [InlineData("http://exa mple.com")]
    [InlineData("http://example.com\r\nHost: x")]
    [InlineData("http://example.com/?key=1")]
    [InlineData("http://example.com/#x")]
    [InlineData("http://1.2.3.4.5/")]
    [InlineData("http://0x7g.1/")]
    [InlineData("http://999.1.1.1/")]
    public async Task What_is_no_plain_address_is_refused(string endpoint)
    {
        var e = await Assert.ThrowsAsync<ApiException>(() => Rule().CheckAsync(endpoint, CancellationToken.None));
        Assert.Equal(ErrorCodes.ModelInvalid, e.Code);
    }

    [Fact]
    public async Task Too_long_an_address_is_refused()
    {
        var longest = "http://api.example.com/" + new string('a', EndpointRule.EndpointLengthMax - 23);
        await Rule().CheckAsync(longest, CancellationToken.None);
        await Assert.ThrowsAsync<ApiException>(() => Rule().CheckAsync(longest + "a", CancellationToken.None));
    }

    [Fact]
    public async Task A_name_that_does_not_resolve_can_not_be_judged()
    {
        var e = await Assert.ThrowsAsync<ApiException>(
            () => Rule().CheckAsync("http://unknown.example.com", CancellationToken.None));
        Assert.Equal(ErrorCodes.EndpointForbidden, e.Code);
        Assert.Contains("can not be resolved", e.Message, StringComparison.Ordinal);
    }

    private static EndpointRule Rule(params string[] allowed) => new(allowed, (host, _) => Task.FromResult(host switch
    {
        "api.example.com" => new[] { IPAddress.Parse("93.184.216.34"), IPAddress.Parse("2606:2800:220:1::1") },
        "leads-to-metadata.example.com" => [IPAddress.Parse("169.254.169.254")],
        "one-of-two.example.com" => [IPAddress.Parse("93.184.216.34"), IPAddress.Parse("169.254.169.254")],
        "leads-to-private.example.com" => [IPAddress.Parse("10.9.8.7")],
        _ => throw new SocketException((int)SocketError.HostNotFound),
    }));
}
