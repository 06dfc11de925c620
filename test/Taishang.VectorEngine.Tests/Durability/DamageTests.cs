namespace Taishang.VectorEngine.Tests.Durability;

public sealed class DamageTests
{
    private const int Dimensions = 6;

    [Fact]
    public async Task The_log_cut_at_any_byte_of_its_last_record_recovers_what_came_before()
    {
        await using var folder = new EngineFolder();
        var collection = await FilledAsync(folder, 20);
        var log = folder.FileNamed("log-");
        var before = EngineFolder.LogEnd(log);
        await collection.UpsertAsync(
            [
                Rows.Row("last", Rows.Vectors(2, 1, Dimensions)[0], "{\"a\":1}"),
                Rows.Row("r000003", new float[Dimensions]),
            ],
            CancellationToken.None);
        await collection.DisposeAsync();
        var after = new FileInfo(log).Length;
        Assert.True(after > before + 60);
        for (var length = before; length < after; length++)
        {
            await using var cut = await folder.OpenCopyAsync(
                $"cut{length}", copy => SetLength(Path.Combine(copy, Path.GetFileName(log)), length));
            Assert.Equal(20, cut.Count());
            Assert.Equal(length == before ? 0 : 1, cut.Describe().RecoveryNotes.Count);
            await cut.UpsertAsync([Rows.Row("next", new float[Dimensions])], CancellationToken.None);
            Assert.Equal(21, cut.Count());
        }
    }

    [Fact]
    public async Task Writing_goes_on_after_a_torn_tail_and_survives_the_next_restart()
    {
        await using var folder = new EngineFolder();
        var collection = await FilledAsync(folder, 5);
        await collection.DisposeAsync();
        var log = folder.FileNamed("log-");
        for (var round = 0; round < 4; round++)
        {
            SetLength(folder.FileNamed("log-"), new FileInfo(folder.FileNamed("log-")).Length - 9);
            collection = await folder.ReopenAsync();
            Assert.Equal(round == 0 ? 0 : 1, collection.Count());
            Assert.Single(collection.Describe().RecoveryNotes);
            await collection.UpsertAsync([Rows.Row("kept", new float[Dimensions])], CancellationToken.None);
            await collection.UpsertAsync([Rows.Row("torn", new float[Dimensions])], CancellationToken.None);
            await collection.DisposeAsync();
        }

        Assert.True(File.Exists(log));
    }

    [Fact]
    public async Task A_tail_that_was_never_written_reads_as_zeros_and_is_dropped()
    {
        await using var folder = new EngineFolder();
        var collection = await FilledAsync(folder, 20);
        await collection.DisposeAsync();
        var log = folder.FileNamed("log-");
        SetLength(log, new FileInfo(log).Length + 5000);

        collection = await folder.ReopenAsync();

        Assert.Equal(20, collection.Count());
        Assert.Single(collection.Describe().RecoveryNotes);
    }

    [Fact]
    public async Task A_record_whose_first_sector_was_never_written_is_dropped_however_little_of_it_lies_there()
    {
        const int SectorBytes = 512;
        var starts = new HashSet<long>();
        for (var padding = 0; starts.Count < 4; padding += 8)
        {
            await using var folder = new EngineFolder();
            var collection = await folder.CreateAsync(new VectorCollectionOptions { Dimensions = Dimensions });
            var vector = Rows.Vectors(1, 1, Dimensions)[0];
            await collection.UpsertAsync(
                [Rows.Row("kept", vector, $"{{\"p\":\"{new string('x', padding)}\"}}")], CancellationToken.None);
            var log = folder.FileNamed("log-");
            var start = EngineFolder.LogEnd(log);
            if (start % SectorBytes <= SectorBytes - 40 || !starts.Add(start % SectorBytes))
                continue;

            await collection.UpsertAsync(
                [Rows.Row("torn", vector, $"{{\"p\":\"{new string('y', 2000)}\"}}")], CancellationToken.None);
            await collection.DisposeAsync();
            var bytes = await File.ReadAllBytesAsync(log);
            bytes.AsSpan((int)start, (int)(SectorBytes - start % SectorBytes)).Clear();
            await File.WriteAllBytesAsync(log, bytes);

            collection = await folder.ReopenAsync();
            Assert.Equal(1, collection.Count());
            Assert.Single(collection.Describe().RecoveryNotes);
        }
    }

    [Fact]
    public async Task A_log_header_that_was_never_finished_does_not_stop_a_start()
    {
        foreach (var bytes in new[] { 0, 1, 63, 64, 65, 4096 })
        {
            await using var folder = new EngineFolder();
            var collection = await FilledAsync(folder, 20);
            await collection.DisposeAsync();
            await File.WriteAllBytesAsync(Path.Combine(folder.Path, "log-0000000002"), new byte[bytes]);
            await File.WriteAllBytesAsync(Path.Combine(folder.Path, "segment-0000000099.tmp"), new byte[bytes]);

            collection = await folder.ReopenAsync();

            Assert.Equal(20, collection.Count());
            Assert.False(File.Exists(Path.Combine(folder.Path, "segment-0000000099.tmp")));
            await collection.UpsertAsync([Rows.Row("next", new float[Dimensions])], CancellationToken.None);
            Assert.Equal(21, (await folder.ReopenAsync()).Count());
        }
    }

    [Fact]
    public async Task A_flipped_bit_in_the_last_record_of_a_log_that_was_not_closed_is_named()
    {
        await using var folder = new EngineFolder();
        var collection = await FilledAsync(folder, 20);
        var log = folder.FileNamed("log-");
        var start = EngineFolder.LogEnd(log);
        await collection.UpsertAsync([Rows.Row("last", Rows.Vectors(2, 1, Dimensions)[0])], CancellationToken.None);
        var end = EngineFolder.LogEnd(log);
        var whole = folder.Beside("whole");
        File.Copy(log, whole);
        await collection.DisposeAsync();
        Assert.True(new FileInfo(whole).Length > end);
        for (var at = start; at < new FileInfo(whole).Length; at += at < end ? 1 : 97)
        {
            var isRecord = at < end;
            try
            {
                await using var damaged = await folder.OpenCopyAsync(
                    $"flipped{at}",
                    copy =>
                    {
                        File.Copy(whole, Path.Combine(copy, Path.GetFileName(log)), overwrite: true);
                        Flip(Path.Combine(copy, Path.GetFileName(log)), (int)at, (int)at % 8);
                    });
                Assert.False(isRecord, $"the flip at {at} of {start} to {end} was not found");
                Assert.Equal(21, damaged.Count());
            }
            catch (CorruptDataException corrupt)
            {
                Assert.EndsWith(Path.GetFileName(log), corrupt.File, StringComparison.Ordinal);
            }
        }
    }

    [Theory]
    [InlineData(IndexKind.Hnsw, "")]
    [InlineData(IndexKind.IvfFlat, "graph-")]
    [InlineData(IndexKind.IvfSq8, "graph-")]
    public async Task A_flipped_bit_is_named_or_mended_or_harmless_and_never_changes_an_answer(
        IndexKind kind, string prefix)
    {
        await using var folder = new EngineFolder();
        var collection = await FilledAsync(folder, 400, kind);
        await collection.BuildIndexAsync(null, CancellationToken.None);
        await collection.DeleteAsync([new VectorId("r000001")], CancellationToken.None);
        await collection.BuildIndexAsync(null, CancellationToken.None);
        await collection.UpsertAsync(Rows.Numbered(Rows.Vectors(9, 3, Dimensions)), CancellationToken.None);
        await collection.UpsertAsync([Rows.Row("tail", Rows.Vectors(8, 1, Dimensions)[0])], CancellationToken.None);
        await collection.DisposeAsync();
        var expected = await AnswersAsync(folder, "sound", _ => { });
        var random = new Random(77);
        var named = 0;
        var files = Directory.EnumerateFiles(folder.Path).Select(Path.GetFileName)
            .Where(name => name != "lock" && name!.StartsWith(prefix, StringComparison.Ordinal)).Order();
        foreach (var name in files.ToList())
        {
            var length = (int)new FileInfo(Path.Combine(folder.Path, name!)).Length;
            for (var i = 0; i < 100; i++)
            {
                var at = random.Next(length);
                try
                {
                    var answers = await AnswersAsync(
                        folder, $"{name}-{i}", copy => Flip(Path.Combine(copy, name!), at, i % 8));
                    Assert.Equal(expected, answers);
                }
                catch (CorruptDataException corrupt)
                {
                    Assert.EndsWith(name!, corrupt.File, StringComparison.Ordinal);
                    Assert.InRange(corrupt.Offset, 0, at);
                    named++;
                }
            }
        }

        // A damaged index is no damage to the rows: it is made again.
        Assert.True(named > 250 || prefix.Length > 0, $"{named} named");
    }

    [Fact]
    public async Task A_damaged_graph_is_rebuilt_from_the_vectors_and_says_so()
    {
        await using var folder = new EngineFolder();
        var collection = await FilledAsync(folder, 3000);
        await collection.BuildIndexAsync(null, CancellationToken.None);
        await collection.DisposeAsync();
        foreach (var change in new Action<string>[]
        {
            path => Flip(path, 5000, 3), path => SetLength(path, 100), path => SetLength(path, 0), File.Delete,
        })
        {
            change(folder.FileNamed("graph-"));
            collection = await folder.ReopenAsync();
            Assert.Contains("rebuilt", Assert.Single(collection.Describe().RecoveryNotes), StringComparison.Ordinal);
            Assert.Equal(10, collection.Search(new SearchRequest(new float[Dimensions], 10)).Hits.Count);
            await collection.BuildIndexAsync(null, CancellationToken.None);
            Assert.Equal(3000, collection.Describe().IndexedRows);
            collection = await folder.ReopenAsync();
            Assert.Empty(collection.Describe().RecoveryNotes);
            await collection.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_missing_segment_or_log_is_named()
    {
        foreach (var prefix in new[] { "segment-", "log-" })
        {
            await using var folder = new EngineFolder();
            var collection = await FilledAsync(folder, 10);
            await collection.BuildIndexAsync(null, CancellationToken.None);
            await collection.DisposeAsync();
            File.Delete(folder.FileNamed(prefix));

            var corrupt = await Assert.ThrowsAsync<CorruptDataException>(folder.ReopenAsync);

            Assert.Contains(prefix, corrupt.File, StringComparison.Ordinal);
        }
    }

    private static async Task<VectorCollection> FilledAsync(
        EngineFolder folder, int rows, IndexKind kind = IndexKind.Hnsw)
    {
        var collection = await folder.CreateAsync(new VectorCollectionOptions
        {
            Dimensions = Dimensions,
            Metric = DistanceMetric.L2,
            Index = kind,
        });
        await collection.UpsertAllAsync(Rows.Numbered(Rows.Vectors(1, rows, Dimensions), i => $"{{\"n\":{i}}}"));
        return collection;
    }

    private static async Task<string> AnswersAsync(EngineFolder folder, string name, Action<string> change)
    {
        await using var collection = await folder.OpenCopyAsync(name, change);
        var rows = collection.Get(
            [.. Enumerable.Range(0, 400).Select(i => new VectorId($"r{i:D6}")), new VectorId("tail")]);
        return collection.Count() + ":" + string.Join(';', rows.Select(row =>
            $"{row.Id} {string.Join(',', row.Vector.ToArray())} {row.MetadataJson.Length}"));
    }

    private static void SetLength(string path, long bytes)
    {
        using var file = File.OpenWrite(path);
        file.SetLength(bytes);
    }

    private static void Flip(string path, int at, int bit)
    {
        var bytes = File.ReadAllBytes(path);
        bytes[at] ^= (byte)(1 << bit);
        File.WriteAllBytes(path, bytes);
    }
}
