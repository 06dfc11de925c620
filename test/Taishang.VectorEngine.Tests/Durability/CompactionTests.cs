using System.Runtime.InteropServices;
using System.Text;
using Taishang.VectorEngine.Indexes.Hnsw;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Tests.Durability;

public sealed class CompactionTests
{
    /// <summary>What log payloads are turned over with.</summary>
    private const byte Veil = 0xA6;

    private const int Dimensions = 64;

    public static TheoryData<IndexKind> Kinds => [.. Enum.GetValues<IndexKind>()];

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_rebuild_writes_rows_and_index_anew_once_though_none_is_dead(IndexKind kind)
    {
        await using var folder = new EngineFolder();
        var collection = await FilledAsync(folder, kind, Rows.Vectors(1, 2000, Dimensions));
        await collection.BuildIndexAsync(null, CancellationToken.None);
        var before = FilesOf(folder);
        await collection.CompactAsync(null, CancellationToken.None);
        Assert.Equal(before, FilesOf(folder));

        // A build that joins asks for another pass, which is no second rebuild: its files would be others again.
        var rebuilding = collection.RebuildAsync(null, CancellationToken.None);
        await collection.BuildIndexAsync(null, CancellationToken.None);
        await rebuilding;
        var after = FilesOf(folder);
        await collection.CompactAsync(null, CancellationToken.None);

        Assert.Empty(before.Intersect(after));
        Assert.Equal(after, FilesOf(folder));
        Assert.Equal((2000, 0), (collection.Count(), collection.Describe().DeadRows));
        Assert.Equal(2000, (await folder.ReopenAsync()).Count());
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Deleting_half_and_compacting_shrinks_the_disk_and_erases_the_bytes(IndexKind kind)
    {
        await using var folder = new EngineFolder();
        var vectors = Rows.Vectors(1, 3000, Dimensions);
        var collection = await FilledAsync(folder, kind, vectors);
        await collection.BuildIndexAsync(null, CancellationToken.None);
        var before = collection.Describe().DiskBytes;

        var erasable = Rows.Filter("{\"word\":\"erasable\"}");
        Assert.Equal(1500, await collection.DeleteAsync(erasable, CancellationToken.None));
        await collection.BuildIndexAsync(null, CancellationToken.None);

        Assert.True(collection.Describe().DiskBytes < before * 0.6);
        Assert.Equal(0, collection.Describe().DeadRows);
        await collection.DisposeAsync();
        foreach (var gone in new[] { "erasable"u8.ToArray(), "r000002"u8.ToArray(), Bytes(vectors[2]) })
            Assert.Empty(FilesWith(folder, gone));
        Assert.NotEmpty(FilesWith(folder, "r000003"u8.ToArray()));
        Assert.NotEmpty(FilesWith(folder, Bytes(vectors[3])));
        Assert.Equal(1500, (await folder.ReopenAsync()).Count());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_compaction_erases_a_single_deleted_replaced_or_expired_row_too(bool isSealed)
    {
        await using var folder = new EngineFolder();
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        folder.Engine = folder.Engine with { Time = clock };
        var vectors = Rows.Vectors(2, 1000, Dimensions);
        var collection = await FilledAsync(folder, IndexKind.Hnsw, vectors);
        var expiring = Rows.Row("expiring", Rows.Vectors(3, 1, Dimensions)[0], "{}");
        await collection.UpsertAsync(
            [expiring with { ExpiresAt = clock.GetUtcNow().AddHours(1) }], CancellationToken.None);
        if (isSealed)
            await collection.BuildIndexAsync(null, CancellationToken.None);
        Assert.NotEmpty(FilesWith(folder, Bytes(vectors[7])));

        await collection.DeleteAsync([new VectorId("r000007")], CancellationToken.None);
        await collection.UpsertAsync([Rows.Row("r000008", vectors[9], "{}")], CancellationToken.None);
        clock.Advance(TimeSpan.FromHours(2));
        await collection.CompactAsync(null, CancellationToken.None);

        Assert.Equal(0, collection.Describe().DeadRows);
        Assert.Equal(999, collection.Count());
        Assert.Empty(FilesWith(folder, Bytes(vectors[7])));
        Assert.Empty(FilesWith(folder, Bytes(vectors[8])));
        Assert.Empty(FilesWith(folder, Bytes(expiring.Vector.ToArray())));
        Assert.Equal(999, (await folder.ReopenAsync()).Count());
    }

    [Fact]
    public async Task A_compaction_takes_the_vectors_from_its_file_and_not_into_memory_twice()
    {
        Assert.SkipUnless(
            Taishang.VectorEngine.Memory.SystemPages.CanMap, "this system cannot map files over memory");
        await using var folder = new EngineFolder();
        var collection = await FilledAsync(folder, IndexKind.Flat, Rows.Vectors(4, 20_000, Dimensions));
        var all = collection.Describe().MemoryBytes;
        await collection.DeleteAsync([new VectorId("r000000")], CancellationToken.None);

        await collection.CompactAsync(null, CancellationToken.None);

        var description = collection.Describe();
        Assert.True(description.MappedBytes > all * 0.6, $"{description.MappedBytes} of {all} bytes are mapped");
        Assert.True(description.MemoryBytes < all * 0.3, $"{description.MemoryBytes} of {all} bytes in memory");
    }

    [Fact]
    public async Task A_build_that_was_cut_off_goes_on_from_its_last_save()
    {
        await using var folder = new EngineFolder();
        var disk = new GraphCounter { FailingSave = 3 };
        folder.Device = disk;
        folder.Engine = folder.Engine with { SaveGraphAfterRows = 500 };
        var collection = await FilledAsync(folder, IndexKind.Hnsw, Rows.Vectors(5, 3000, Dimensions));
        await Assert.ThrowsAsync<WriteFailedException>(
            () => collection.BuildIndexAsync(null, CancellationToken.None));
        await collection.DisposeAsync();

        // 500, then 1,000; the third save was cut off.
        using (var saved = HnswFile.Load(
            DiskDevice.Instance,
            folder.FileNamed("graph-"),
            new HnswOptions(),
            new GraphRows(3000, Dimensions, DistanceMetric.L2)))
        {
            Assert.Equal(1000, saved.Covered);
        }

        disk.FailingSave = int.MaxValue;
        collection = await folder.ReopenAsync();
        Assert.Empty(collection.Describe().RecoveryNotes);
        await collection.BuildIndexAsync(null, CancellationToken.None);
        Assert.Equal(3000, collection.Describe().IndexedRows);
        Assert.True(Rows.Recall(collection, Rows.Vectors(6, 30, Dimensions), 10, 200) > 0.9);
    }

    private static async Task<VectorCollection> FilledAsync(EngineFolder folder, IndexKind kind, float[][] vectors)
    {
        var collection = await folder.CreateAsync(new VectorCollectionOptions
        {
            Dimensions = Dimensions,
            Metric = DistanceMetric.L2,
            Index = kind,
        });
        await collection.UpsertAllAsync(
            Rows.Numbered(vectors, i => i % 2 == 0 ? "{\"word\":\"erasable\"}" : "{}"));
        return collection;
    }

    private static byte[] Bytes(float[] vector) => MemoryMarshal.AsBytes(vector.AsSpan()).ToArray();

    /// <summary>Files that hold the bytes, as they are or as a log writes them.</summary>
    /// <summary>What holds rows and index; the rest has one name for ever.</summary>
    private static string[] FilesOf(EngineFolder folder) =>
    [
        .. Directory.GetFiles(folder.Path).Select(path => Path.GetFileName(path))
            .Where(name => name is not ("lock" or "manifest" or "spare"))
            .Where(name => !name.StartsWith("log", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal),
    ];

    private static List<string> FilesWith(EngineFolder folder, byte[] bytes)
    {
        var veiled = bytes.Select(one => (byte)(one ^ Veil)).ToArray();
        return
        [
            .. Directory.EnumerateFiles(folder.Path).Where(path =>
            {
                // The lock is held open for this process alone, and never written to.
                if (path.EndsWith("lock", StringComparison.Ordinal))
                    return false;

                using var file = File.Open(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
                var content = new byte[file.Length];
                file.ReadExactly(content);
                return content.AsSpan().IndexOf(bytes) >= 0 || content.AsSpan().IndexOf(veiled) >= 0;
            }),
        ];
    }

    /// <summary>Fails the save of a graph with this number, from 1, and all after it.</summary>
    private sealed class GraphCounter : WrappedDevice
    {
        private int _saves;

        public int FailingSave { get; set; }

        protected override void BeforeCreate(string path)
        {
            if (Path.GetFileName(path).StartsWith("graph-", StringComparison.Ordinal) && ++_saves >= FailingSave)
                throw new IOException("injected");
        }
    }
}
