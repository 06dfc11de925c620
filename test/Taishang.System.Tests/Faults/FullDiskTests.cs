using Taishang.Testing.Processes;

namespace Taishang.System.Tests.Faults;

/// <summary>A disk that is really full under a real server.</summary>
public sealed class FullDiskTests : IDisposable
{
    private const int Dims = 64;
    private const int BatchRows = 200;

    private readonly TestFolder _folder = new();
    private int _written;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_full_disk_stops_writes_alone_says_so_and_they_resume_when_there_is_room()
    {
        var vectors = _folder.File("vectors");
        using var disk = new SmallFileSystem(vectors, mebibytes: 4);
        var ballast = Path.Combine(vectors, "ballast");
        await File.WriteAllBytesAsync(ballast, new byte[2 << 20]);
        await using (var server = await ServerProcess.StartReadyAsync(_folder.Path))
        {
            await server.CreateCollectionAsync("points", Dims, "FLAT");
            ApiAnswer refused;
            while ((refused = await UpsertAsync(server)).Status == 200) _written += BatchRows;
            Assert.Equal((503, 10014), (refused.Status, refused.Code));
            Assert.Contains("disk", refused.Message);
            Assert.InRange(_written, BatchRows, 100 * BatchRows);

            await HoldsAsync(server, _written);
            Assert.Equal(503, (await UpsertAsync(server)).Status);
            for (var i = 0; i < 20; i++)
            {
                Assert.Equal(1, (int)(await server.ApiPostAsync(
                    "vectors/delete", new { collection = "points", ids = new[] { $"r{i}" } })).Ok["count"]!);
            }

            await HoldsAsync(server, _written - 20);
            Assert.Equal(503, (await UpsertAsync(server)).Status);
            await server.KillAsync();
        }

        await using var again = await ServerProcess.StartReadyAsync(_folder.Path);
        await HoldsAsync(again, _written - 20);
        Assert.Equal(503, (await UpsertAsync(again)).Status);
        File.Delete(ballast);
        Assert.Equal(200, (await UpsertAsync(again)).Status);
        await HoldsAsync(again, _written - 20 + BatchRows);
    }

    private async Task<ApiAnswer> UpsertAsync(ServerProcess server)
    {
        var rows = Enumerable.Range(_written, BatchRows).Select(i => new { id = $"r{i}", vector = Vector(i) });
        return await server.ApiPostAsync("vectors/upsert", new { collection = "points", vectors = rows });
    }

    private static async Task HoldsAsync(ServerProcess server, int rows)
    {
        Assert.Equal(rows, (int)(await server.ApiGetAsync("vectors/count?collection=points")).Ok["count"]!);
        var hits = (await server.ApiPostAsync(
            "vectors/search", new { collection = "points", vector = Vector(50), top_k = 1 })).Ok["results"]!;
        Assert.Equal("r50", (string)hits[0]!["id"]!);
    }

    private static float[] Vector(int i) => [.. Enumerable.Repeat((float)i, Dims)];
}
