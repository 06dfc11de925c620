using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Tests.Storage;

public sealed class DirectFilesTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("taishang-direct-").FullName;

    private string LogPath => Path.Combine(_root, "log");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void What_is_written_past_the_cache_is_read_through_it_at_once()
    {
        using var log = DiskDevice.Instance.CreateLog(LogPath);
        using var reader = DiskDevice.Instance.Open(LogPath, writable: false);
        using var pages = PageBuffer.Rent();
        for (var block = 0; block < 3; block++)
        {
            var bytes = pages.Bytes[..DirectFiles.BlockBytes];
            bytes.Fill((byte)(block + 1));
            log.Write(block * DirectFiles.BlockBytes, bytes);
            log.Sync();
            var read = new byte[DirectFiles.BlockBytes];
            Assert.Equal(read.Length, reader.Read(block * DirectFiles.BlockBytes, read));
            Assert.Equal(bytes.ToArray(), read);
        }
    }

    [Fact]
    public void A_file_system_that_refuses_the_first_direct_write_gets_it_through_the_cache()
    {
        // Half a block from an odd address is what every file system refuses to write directly.
        var bytes = Enumerable.Range(0, 101).Select(i => (byte)i).ToArray();
        using (var log = DiskDevice.Instance.CreateLog(LogPath))
        {
            log.Write(0, bytes.AsSpan(1));
            log.Write(100, bytes.AsSpan(1));
        }

        Assert.Equal([.. bytes[1..], .. bytes[1..]], File.ReadAllBytes(LogPath));
    }

    [Fact]
    public void A_log_that_is_opened_again_is_written_on()
    {
        using var pages = PageBuffer.Rent();
        var bytes = pages.Bytes[..DirectFiles.BlockBytes];
        bytes.Fill(7);
        using (var log = DiskDevice.Instance.CreateLog(LogPath))
            log.Write(0, bytes);
        using (var log = DiskDevice.Instance.OpenLog(LogPath))
            log.Write(DirectFiles.BlockBytes, bytes);
        Assert.Equal(2 * DirectFiles.BlockBytes, new FileInfo(LogPath).Length);
    }
}
