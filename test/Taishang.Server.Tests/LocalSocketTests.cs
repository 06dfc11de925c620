using System.Net.Sockets;

namespace Taishang.Server.Tests;

public sealed class LocalSocketTests
{
    [Fact]
    public void One_process_meets_itself_over_a_socket_even_when_a_killed_one_left_its_own()
    {
        var folder = Directory.CreateTempSubdirectory("taishang-test-").FullName;
        try
        {
            var options = new ServerOptions { Role = ServerRole.All, Data = folder };
            using (var killed = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
                killed.Bind(new UnixDomainSocketEndPoint(Path.Combine(folder, "ai.sock")));

            Assert.Equal(Path.Combine(folder, "ai.sock"), HostAddress.LocalSocket(options));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Where_there_is_no_neighbour_or_no_room_for_a_path_it_is_TCP()
    {
        var folder = Path.Combine(Path.GetTempPath(), new string('x', 120));
        Assert.Null(HostAddress.LocalSocket(new ServerOptions { Role = ServerRole.All, Data = folder }));
        Assert.Null(HostAddress.LocalSocket(new ServerOptions { Role = ServerRole.Core, Data = Path.GetTempPath() }));
    }

    [Theory]
    [InlineData("/data/ai.sock", "unix:///data/ai.sock")]
    [InlineData("/da ta,x/ai.sock", "unix:///da%20ta%2Cx/ai.sock")]
    public void A_path_becomes_an_address_that_a_list_can_hold(string path, string address) =>
        Assert.Equal(address, HostAddress.OfSocket(path));
}
