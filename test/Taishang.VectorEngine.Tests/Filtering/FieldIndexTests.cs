using System.Globalization;
using System.Text;
using Taishang.VectorEngine.Filtering;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Tests.Filtering;

/// <summary>An index answers what a look at every row would.</summary>
public sealed class FieldIndexTests
{
    private static readonly string[] Fields = ["word", "number", "flag", "tags", "mixed", "when", "in.side", "dense"];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Any_filter_matches_the_same_rows_with_indexes_and_without(int seed)
    {
        var random = new Random(seed);
        using var table = new RowTable(1, DistanceMetric.L2);
        Append(table, random, ColumnCache.IndexRowsMin + random.Next(1, 500));
        var indexed = new ColumnCache(table);
        var bare = new ColumnCache(table, indexBytesMax: 0);
        for (var round = 0; round < 300; round++)
        {
            var filter = Rows.Filter(RandomFilter(random, 3));
            var expected = FilterEvaluator.Evaluate(filter, bare, table.Count);

            var actual = FilterEvaluator.Evaluate(filter, indexed, table.Count);

            Assert.True(expected.Words.AsSpan().SequenceEqual(actual.Words), $"seed {seed}, round {round}");
            if (round % 50 == 49)
                Append(table, random, random.Next(200));
            await indexed.Building;
        }

        Assert.All(Fields, field => Assert.NotNull(indexed.Use(field, table.Count).Index));
        Assert.All(Fields, field => Assert.Null(bare.Use(field, table.Count).Index));
    }

    [Fact]
    public void A_field_gets_its_index_by_use_alone()
    {
        using var table = new RowTable(1, DistanceMetric.L2);
        Append(table, new Random(4), ColumnCache.IndexRowsMin);
        var columns = new ColumnCache(table);
        for (var use = 1; use < ColumnCache.UsesBeforeIndex; use++)
            Assert.Null(columns.Use("word", table.Count).Index);
        var before = columns.Bytes;

        Assert.NotNull(columns.Use("word", table.Count).Index);
        Assert.Null(columns.Use("number", table.Count).Index);
        Assert.True(columns.Bytes > before);
        Assert.True(columns.IndexBytes > 0);
    }

    [Fact]
    public async Task A_large_index_is_made_beside_the_filters_that_want_it()
    {
        using var table = new RowTable(1, DistanceMetric.L2);
        for (var row = 0; row <= ColumnCache.IndexRowsAtOnce; row++)
            Append(table, $"{{\"n\":{row}}}");
        var columns = new ColumnCache(table);
        for (var use = 0; use < ColumnCache.UsesBeforeIndex; use++)
            columns.Use("n", table.Count);

        await columns.Building;

        Assert.Equal(table.Count, columns.Use("n", table.Count).Index?.Rows);
        Assert.Equal(7, FilterEvaluator.Evaluate(Rows.Filter("{\"n\":{\"$lt\":7}}"), columns, table.Count).CountSet());
    }

    [Fact]
    public void An_index_is_made_anew_when_enough_rows_came_behind_it()
    {
        using var table = new RowTable(1, DistanceMetric.L2);
        Append(table, new Random(5), ColumnCache.IndexRowsMin);
        var columns = Indexed(table, "word");
        Append(table, "{\"word\":\"new\"}");
        Assert.Equal(ColumnCache.IndexRowsMin, columns.Use("word", table.Count).Index?.Rows);
        Assert.Equal(1, FilterEvaluator.Evaluate(Rows.Filter("{\"word\":\"new\"}"), columns, table.Count).CountSet());

        Append(table, new Random(6), ColumnCache.IndexRowsMin / ColumnCache.TailShare);

        columns.Use("word", table.Count);
        Assert.Equal(table.Count, columns.Use("word", table.Count).Index?.Rows);
    }

    [Fact]
    public void A_snapshot_from_before_an_index_does_not_see_rows_behind_itself()
    {
        using var table = new RowTable(1, DistanceMetric.L2);
        for (var row = 0; row < ColumnCache.IndexRowsMin; row++)
            Append(table, "{\"word\":\"same\"}");
        var columns = Indexed(table, "word");
        var earlier = table.Count - 100;

        var matched = FilterEvaluator.Evaluate(Rows.Filter("{\"word\":\"same\"}"), columns, earlier);

        Assert.Equal(earlier, matched.Rows);
        Assert.Equal(earlier, matched.CountSet());
    }

    [Fact]
    public void An_index_that_is_not_used_for_long_goes()
    {
        using var table = new RowTable(1, DistanceMetric.L2);
        Append(table, new Random(7), ColumnCache.IndexRowsMin);
        var columns = Indexed(table, "word");
        for (var use = 0; use < ColumnCache.UsesKept + ColumnCache.ColumnsMax; use++)
            columns.Use("number", table.Count);

        Assert.Null(columns.Use("word", table.Count).Index);
        Assert.NotNull(columns.Use("number", table.Count).Index);
    }

    [Fact]
    public void Indexes_keep_within_their_bytes()
    {
        using var table = new RowTable(1, DistanceMetric.L2);
        for (var row = 0; row < ColumnCache.IndexRowsMin; row++)
            Append(table, $"{{\"a\":{row},\"b\":{row},\"c\":{row},\"d\":{row}}}");

        // Room to make one, and to keep three.
        var columns = new ColumnCache(table, 120_000);
        foreach (var field in new[] { "a", "b", "c", "d" })
        {
            for (var use = 0; use < ColumnCache.UsesBeforeIndex; use++)
                columns.Use(field, table.Count);
            Assert.InRange(columns.IndexBytes, 1, 120_000);
        }

        Assert.Null(columns.Use("a", table.Count).Index);
        Assert.NotNull(columns.Use("d", table.Count).Index);

        var tight = new ColumnCache(table, 1_000);
        for (var use = 0; use < 100; use++)
            Assert.Null(tight.Use("a", table.Count).Index);
    }

    private static ColumnCache Indexed(RowTable table, string field)
    {
        var columns = new ColumnCache(table);
        for (var use = 0; use < ColumnCache.UsesBeforeIndex; use++)
            columns.Use(field, table.Count);
        Assert.NotNull(columns.Use(field, table.Count).Index);
        return columns;
    }

    private static void Append(RowTable table, Random random, int rows)
    {
        for (var row = 0; row < rows; row++)
            Append(table, RandomMetadata(random));
    }

    private static void Append(RowTable table, string json)
    {
        var fields = new RowFields("x"u8, isInteger: false, RowRecord.Never, Encoding.UTF8.GetBytes(json));
        table.Append(new byte[4], fields, RowTable.Alive);
    }

    private static string RandomMetadata(Random random)
    {
        var parts = new List<string>();
        foreach (var field in Fields)
        {
            if (random.Next(8) == 0)
                continue;

            var value = RandomFieldValue(random, field);
            parts.Add(field == "in.side" && random.Next(2) == 0
                ? $"\"in\":[{{\"side\":{value}}},{{\"side\":{RandomFieldValue(random, field)}}}]"
                : $"\"{field}\":{value}");
        }

        return "{" + string.Join(',', parts) + "}";
    }

    private static string RandomFieldValue(Random random, string field) => field switch
    {
        "word" => RandomText(random),
        "number" => RandomNumber(random),
        "flag" => random.Next(2) == 0 ? "true" : "false",
        "tags" => RandomList(random),
        "when" => $"\"2026-{random.Next(1, 13):D2}-{random.Next(1, 29):D2}T00:00:00Z\"",
        "dense" => random.Next(3).ToString(CultureInfo.InvariantCulture),
        _ => random.Next(6) == 0 ? RandomList(random) : RandomScalar(random),
    };

    private static string RandomList(Random random) =>
        "[" + string.Join(',', Enumerable.Range(0, random.Next(5)).Select(_ => RandomScalar(random))) + "]";

    private static string RandomScalar(Random random) => random.Next(9) switch
    {
        0 => "null",
        1 => "true",
        2 => "false",
        3 or 4 => RandomNumber(random),
        5 => "{\"opaque\":1}",
        _ => RandomText(random),
    };

    private static string RandomText(Random random) =>
        "\"" + new string([.. Enumerable.Range(0, random.Next(4)).Select(_ => "ab太é"[random.Next(4)])]) + "\"";

    private static string RandomNumber(Random random) => random.Next(7) switch
    {
        0 => "9007199254740993",
        1 => "-1e300",
        2 => "1e19",
        3 => "-0.0",
        4 => (random.Next(-40, 40) / 4.0).ToString("0.0#", CultureInfo.InvariantCulture),
        _ => random.Next(-20, 200).ToString(CultureInfo.InvariantCulture),
    };

    private static string RandomFilter(Random random, int depth)
    {
        var form = depth == 0 ? 9 : random.Next(10);
        return form switch
        {
            0 => $"{{\"$not\":{RandomFilter(random, depth - 1)}}}",
            1 or 2 => $"{{\"$or\":[{RandomFilters(random, depth)}]}}",
            3 or 4 => $"{{\"$and\":[{RandomFilters(random, depth)}]}}",
            _ => RandomCondition(random),
        };
    }

    private static string RandomFilters(Random random, int depth) =>
        string.Join(',', Enumerable.Range(0, random.Next(1, 4)).Select(_ => RandomFilter(random, depth - 1)));

    private static string RandomCondition(Random random)
    {
        var field = Fields[random.Next(Fields.Length)];
        var condition = random.Next(9) switch
        {
            0 => $"\"$ne\":{FilterValue(random, field)}",
            1 => $"\"$in\":[{FilterValue(random, field)},{FilterValue(random, field)},null]",
            2 => $"\"$nin\":[{FilterValue(random, field)},{FilterValue(random, field)}]",
            3 => $"\"$exists\":{(random.Next(2) == 0 ? "true" : "false")}",
            4 => $"\"$contains\":{FilterValue(random, field)}",
            5 => $"\"$gt\":{OrderedValue(random, field)}",
            6 => $"\"$gte\":{OrderedValue(random, field)},\"$lt\":{OrderedValue(random, field)}",
            7 => $"\"$not\":{{\"$lte\":{OrderedValue(random, field)}}}",
            _ => $"\"$eq\":{FilterValue(random, field)}",
        };
        return $"{{\"{field}\":{{{condition}}}}}";
    }

    private static string FilterValue(Random random, string field)
    {
        var value = random.Next(4) == 0 ? RandomScalar(random) : RandomFieldValue(random, field);
        return value[0] is '[' or '{' ? RandomText(random) : value;
    }

    private static string OrderedValue(Random random, string field)
    {
        var value = FilterValue(random, field);
        return value is "null" or "true" or "false" ? RandomNumber(random) : value;
    }
}
