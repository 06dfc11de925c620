using System.Text;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Tests.Storage;

public sealed class IdTableTests
{
    [Fact]
    public void Random_puts_and_removals_match_a_dictionary()
    {
        var random = new Random(21);
        using var rows = new RowTable(1, DistanceMetric.L2);
        using var table = new IdTable(rows);
        var expected = new Dictionary<string, int>();
        for (var step = 0; step < 60_000; step++)
        {
            // Waves of growth and shrinking, so that long runs of slots are moved and emptied.
            var id = $"id{random.Next(4000)}";
            if (random.Next(100) < (step / 10_000 % 2 == 0 ? 70 : 30))
            {
                var row = Append(rows, id);
                Assert.Equal(expected.GetValueOrDefault(id, -1), table.Put(row));
                expected[id] = row;
            }
            else
            {
                Assert.Equal(expected.Remove(id, out var known), table.Remove(Encoding.UTF8.GetBytes(id), out var row));
                Assert.True(row < 0 || row == known);
            }
        }

        Assert.Equal(expected.Count, table.Count);
        for (var i = 0; i < 4000; i++)
        {
            var isThere = expected.TryGetValue($"id{i}", out var row);
            Assert.Equal(isThere, table.TryGet($"id{i}", out var found));
            Assert.Equal(isThere ? row : -1, found);
        }
    }

    [Fact]
    public void A_lookup_allocates_nothing()
    {
        using var rows = new RowTable(1, DistanceMetric.L2);
        using var table = new IdTable(rows);
        for (var i = 0; i < 1000; i++)
            table.Put(Append(rows, $"läng{i}"));
        var ids = Enumerable.Range(0, 2000).Select(i => $"läng{i}").ToArray();
        var found = 0;
        Look();
        var before = GC.GetAllocatedBytesForCurrentThread();
        Look();
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.Equal(2000, found);

        void Look()
        {
            foreach (var id in ids)
                found += table.TryGet(id, out _) ? 1 : 0;
        }
    }

    [Fact]
    public void A_row_takes_less_than_sixty_bytes_beside_its_vector_and_none_of_the_collectors()
    {
        using var rows = new RowTable(8, DistanceMetric.Cosine);
        using var table = new IdTable(rows);
        var vector = new byte[8 * sizeof(float)];
        vector[3] = 0x3F;
        Span<byte> id = stackalloc byte[8];
        var managed = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 200_000; i++)
        {
            System.Buffers.Text.Utf8Formatter.TryFormat(10_000_000 + i, id, out _);
            var fields = new RowFields(id, isInteger: false, RowRecord.Never, default);
            table.Put(rows.Append(vector, fields, RowTable.Alive));
            if (i < 20_000)
                continue;

            var bytes = rows.MemoryBytes + table.Bytes - (i + 1L) * vector.Length;
            if (bytes >= 60L * (i + 1))
                Assert.Fail($"{bytes} bytes for {i + 1} rows");
        }

        managed = GC.GetAllocatedBytesForCurrentThread() - managed;
        Assert.True(managed < 200_000, $"{managed} bytes of the collector's for 200,000 rows");
    }

    [Fact]
    public void Text_that_is_no_id_is_not_found()
    {
        using var rows = new RowTable(1, DistanceMetric.L2);
        using var table = new IdTable(rows);
        table.Put(Append(rows, "\uFFFD"));

        Assert.True(table.TryGet("\uFFFD", out _));
        Assert.False(table.TryGet("\uD800", out _));
        Assert.False(table.TryGet("", out _));
        Assert.False(table.TryGet(new string('x', Limits.IdCharactersMax + 1), out _));
    }

    [Fact]
    public void The_longest_ids_and_metadata_come_back_whole()
    {
        using var rows = new RowTable(1, DistanceMetric.L2);
        foreach (var length in new[] { 1, 2, 127, Limits.IdCharactersMax })
        {
            foreach (var expiry in new[] { RowRecord.Never, 0, 1, long.MaxValue - 1 })
            {
                var id = string.Concat(Enumerable.Repeat("界", length));
                var metadata = new byte[length == 1 ? 0 : Limits.MetadataBytesMax - length];
                new Random(length).NextBytes(metadata);
                var fields = new RowFields(Encoding.UTF8.GetBytes(id), length == 2, expiry, metadata);
                var record = rows.Record(rows.Append(new byte[4], fields, RowTable.Alive));
                Assert.Equal(new VectorId(id), record.ToId());
                Assert.Equal(length == 2, record.IsInteger);
                Assert.Equal(expiry, record.ExpiresAtTicks);
                Assert.True(record.Metadata.SequenceEqual(metadata));
                Assert.Equal(fields.RecordBytes, record.Bytes);
            }
        }
    }

    [Fact]
    public void Ids_order_as_their_UTF_16_does()
    {
        var random = new Random(22);
        var texts = Enumerable.Range(0, 400).Select(_ => Text(random)).ToArray();
        foreach (var left in texts)
        {
            foreach (var right in texts)
            {
                var order = IdOrder.Compare(Encoding.UTF8.GetBytes(left), Encoding.UTF8.GetBytes(right));
                Assert.Equal(Math.Sign(string.CompareOrdinal(left, right)), Math.Sign(order));
            }
        }
    }

    private static string Text(Random random)
    {
        int[] runes = ['a', 'b', 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xF000, 0xFFFF, 0x10000, 0x10FFFF];
        return string.Concat(Enumerable.Range(0, random.Next(1, 5))
            .Select(_ => new Rune(runes[random.Next(runes.Length)]).ToString()));
    }

    private static int Append(RowTable rows, string id) => rows.Append(
        new byte[4], new RowFields(Encoding.UTF8.GetBytes(id), isInteger: false, RowRecord.Never, default),
        RowTable.Alive);
}
