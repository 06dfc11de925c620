using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Tests.Storage;

public sealed unsafe class RecordPlacesTests
{
    [Fact]
    public void Every_row_has_its_address_wherever_its_record_lies()
    {
        var random = new Random(31);
        using var places = new RecordPlaces();
        var expected = new List<nint>();
        nint next = 1 << 20;
        for (var row = 0; row < 200_000; row++)
        {
            // Mostly behind each other; now and then far ahead, or before all others.
            if (random.Next(200) == 0)
                next = (nint)random.NextInt64(1, 1L << 46);
            places.Set(row, (byte*)next);
            expected.Add(next);
            next += random.Next(50) == 0 ? random.Next(100_000) : random.Next(40);
        }

        for (var row = 0; row < expected.Count; row++)
            Assert.Equal(expected[row], (nint)places.Of(row));
    }

    [Fact]
    public void Rows_behind_each_other_take_less_than_three_bytes_each()
    {
        using var places = new RecordPlaces();
        for (var row = 0; row < 100_000; row++)
            places.Set(row, (byte*)(4096 + row * 10L));

        Assert.InRange(places.Bytes, 100_000, 299_999);
    }

    [Fact]
    public void A_row_lives_until_it_is_said_to_have_died()
    {
        const int Count = 300_000;
        using var rows = new RowTable(1, DistanceMetric.L2);
        var fields = new RowFields("x"u8, isInteger: false, RowRecord.Never, default);
        for (var row = 0; row < Count; row++)
            rows.Append(new byte[4], fields, row % 100_000 == 7 ? 5 : RowTable.Alive);

        rows.Kill(3, 9);
        rows.Kill(4, 0);
        for (var row = 0; row < Count; row++)
        {
            var expected = row == 3 ? 9 : row == 4 ? 0 : row % 100_000 == 7 ? 5 : RowTable.Alive;
            Assert.Equal(expected, rows.DiedAt(row));
        }
    }
}
