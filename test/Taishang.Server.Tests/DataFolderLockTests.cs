using System.Text.Json.Nodes;
using Taishang.Server;
using Taishang.Testing.Processes;

namespace Taishang.Server.Tests;

public sealed class DataFolderLockTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_held_folder_is_refused_with_the_holder_named()
    {
        using var first = DataFolderLock.Take(Options(ServerRole.All));
        first.Describe(new JsonObject { ["pid"] = 4711, ["role"] = "all", ["started_at"] = "2026-01-01T00:00:00Z" });
        var refused = Assert.Throws<StartRefusedException>(() => DataFolderLock.Take(Options(ServerRole.Core)));
        Assert.Equal(ExitCode.DataFolderHeld, refused.ExitCode);
        Assert.Contains("4711", refused.Message);
    }

    [Fact]
    public void Core_and_ai_may_share_a_folder()
    {
        using var core = DataFolderLock.Take(Options(ServerRole.Core));
        using var ai = DataFolderLock.Take(Options(ServerRole.Ai));
    }

    [Fact]
    public void A_released_folder_can_be_taken_again()
    {
        DataFolderLock.Take(Options(ServerRole.All)).Dispose();
        using var again = DataFolderLock.Take(Options(ServerRole.All));
    }

    [Fact]
    public void A_folder_that_is_a_file_is_refused_by_name()
    {
        File.WriteAllText(_folder.File("occupied"), "");
        var refused = Assert.Throws<StartRefusedException>(
            () => DataFolderLock.Take(new ServerOptions { Data = _folder.File("occupied") }));
        Assert.Contains("occupied", refused.Message);
    }

    private ServerOptions Options(ServerRole role) => new() { Role = role, Data = _folder.Path };
}
