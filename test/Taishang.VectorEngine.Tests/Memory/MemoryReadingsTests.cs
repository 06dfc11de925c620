using Taishang.VectorEngine.Memory;

namespace Taishang.VectorEngine.Tests.Memory;

/// <summary>Trees of files as the system shows them, made by hand.</summary>
public sealed class MemoryReadingsTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("taishang-memory-").FullName;

    public MemoryReadingsTests()
    {
        Put("proc/meminfo", "MemTotal:       1000000 kB\nMemFree:         500000 kB");
        Put("proc/self/status", "Name:\tx\nVmRSS:\t    9000 kB\nRssAnon:\t     300 kB\nRssFile:\t    8000 kB\n"
            + "RssShmem:\t       20 kB");
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Without_groups_the_limit_is_the_machine_and_pages_of_files_do_not_count_as_used()
    {
        var readings = new MemoryReadings(_root);
        Assert.Equal((1_000_000L << 10, null), readings.Limit());
        Assert.Equal(320L << 10, readings.Used(null));
    }

    [Fact]
    public void The_smallest_limit_between_the_own_group_and_the_root_counts_in_version_2()
    {
        Put("proc/self/cgroup", "0::/system.slice/taishang.service");
        Put("sys/fs/cgroup/memory.max", "max");
        Put("sys/fs/cgroup/system.slice/memory.max", "700000");
        Put("sys/fs/cgroup/system.slice/memory.stat", "anon 400000\nfile 90000\nshmem 5000\ninactive_file 1");
        Put("sys/fs/cgroup/system.slice/taishang.service/memory.max", "900000");
        var readings = new MemoryReadings(_root);
        var limit = readings.Limit();
        Assert.Equal((700_000L, Path.Combine(_root, "sys/fs/cgroup/system.slice")), limit);
        // Others of the group count too, as far as what they hold can not be dropped.
        Assert.Equal(405_000, readings.Used(limit.GroupFolder));
    }

    [Fact]
    public void A_group_of_version_1_counts_and_no_limit_there_is_none()
    {
        Put("proc/self/cgroup", "9:name=systemd:/\n4:cpu,memory:/docker/abc\n0::/");
        Put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712");
        Assert.Equal(1_000_000L << 10, new MemoryReadings(_root).Limit().Bytes);
        Put("sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "500000");
        Put("sys/fs/cgroup/memory/docker/abc/memory.stat", "cache 7\nrss 8\ntotal_rss 600000\ntotal_shmem 1000");
        var readings = new MemoryReadings(_root);
        var limit = readings.Limit();
        Assert.Equal(500_000, limit.Bytes);
        Assert.Equal(601_000, readings.Used(limit.GroupFolder));
    }

    [Fact]
    public void A_container_that_sees_its_group_as_the_root_is_limited_by_it()
    {
        Put("proc/self/cgroup", "0::/docker/a-name-from-outside");
        Put("sys/fs/cgroup/memory.max", "123456");
        Assert.Equal(123_456, new MemoryReadings(_root).Limit().Bytes);
    }

    [Fact]
    public void What_makes_no_sense_is_no_limit()
    {
        Put("proc/self/cgroup", "nonsense\n0::");
        Put("sys/fs/cgroup/memory.max", "many");
        Put("sys/fs/cgroup/memory/memory.limit_in_bytes", "0");
        Assert.Equal(1_000_000L << 10, new MemoryReadings(_root).Limit().Bytes);
    }

    [Fact]
    public void This_process_has_a_limit_and_uses_less()
    {
        Assert.InRange(MemoryBudget.OfProcess.LimitBytes, 64L << 20, long.MaxValue);
        MemoryBudget.OfProcess.Require(1, "a byte");
    }

    private void Put(string path, string text)
    {
        var file = Path.Combine(_root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text + "\n");
    }
}
