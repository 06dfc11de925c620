using System.Net;
using Taishang.Ai.Models;

namespace Taishang.Ai.Tests.Models;

public sealed class EndpointRuleTests
{
    [Theory]
    [InlineData("127.0.0.1", true)]
    [InlineData("127.8.9.10", true)]
    [InlineData("::1", true)]
    [InlineData("::ffff:127.0.0.1", true)]
    [InlineData("8.8.8.8", true)]
    [InlineData("2606:4700::1111", true)]
    [InlineData("10.0.0.1", false)]
    [InlineData("172.31.255.255", false)]
    [InlineData("172.32.0.1", true)]
    [InlineData("192.168.0.1", false)]
    [InlineData("100.64.0.1", false)]
    [InlineData("::ffff:10.0.0.1", false)]
    [InlineData("64:ff9b::a00:1", false)]
    [InlineData("2002:a00:1::", false)]
    [InlineData("::10.0.0.1", false)]
    [InlineData("fd12::1", false)]
    [InlineData("169.254.169.254", false)]
    [InlineData("64:ff9b::a9fe:a9fe", false)]
    [InlineData("fe80::1", false)]
    [InlineData("0.0.0.0", false)]
    [InlineData("::", false)]
    [InlineData("224.0.0.1", false)]
    [InlineData("255.255.255.255", false)]
    [InlineData("168.63.129.16", false)]
    public void Without_an_allow_list_public_and_loopback_are_reached_alone(string address, bool reached)
    {
        Assert.Equal(reached, new EndpointRule([]).RefusalOf(IPAddress.Parse(address)) is null);
    }

    [Theory]
    [InlineData("10.1.2.3", true)]
    [InlineData("::ffff:10.1.2.3", true)]
    [InlineData("10.2.0.1", false)]
    [InlineData("fd00:1::1", true)]
    [InlineData("fd00:ec2::254", false)]
    [InlineData("169.254.169.254", false)]
    [InlineData("100.100.100.200", false)]
    [InlineData("100.100.100.201", true)]
    public void An_allow_list_opens_its_networks_and_never_metadata(string address, bool reached)
    {
        var rule = new EndpointRule(["10.1.0.0/16", "fd00::/16", "169.254.0.0/16", "100.64.0.0/10"]);
        Assert.Equal(reached, rule.RefusalOf(IPAddress.Parse(address)) is null);
    }
}
