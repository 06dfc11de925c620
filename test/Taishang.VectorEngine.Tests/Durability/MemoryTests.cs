using System.Diagnostics;

namespace Taishang.VectorEngine.Tests.Durability;

/// <summary>In a process of its own, whose memory is nobody else's.</summary>
public sealed class MemoryTests
{
    private const int Rounds = 4;

    /// <summary>Rows, copies of them in a compaction and the graph of one round are more than 30 MB.</summary>
    private const long GrowthBytesMax = 60 << 20;

    [Fact]
    public async Task Dropping_a_collection_gives_its_memory_back()
    {
        var folder = Directory.CreateTempSubdirectory("taishang-memory-").FullName;
        var start = new ProcessStartInfo("dotnet")
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            ArgumentList =
            {
                Path.Combine(AppContext.BaseDirectory, "Taishang.VectorEngine.Crash.dll"),
                "memory",
                folder,
                $"{Rounds}",
            },
        };
        using var process = Process.Start(start)!;
        var held = new List<long>();
        while (await process.StandardOutput.ReadLineAsync() is { } line)
            held.Add(long.Parse(line));
        await process.WaitForExitAsync();
        Directory.Delete(folder, recursive: true);

        Assert.Equal(Rounds, held.Count);
        Assert.True(
            held[^1] - held[0] < GrowthBytesMax,
            $"the process holds {string.Join(", ", held.Select(bytes => bytes >> 20))} MB after each round");
    }
}
