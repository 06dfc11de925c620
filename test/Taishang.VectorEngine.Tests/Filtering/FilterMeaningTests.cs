using System.Text;
using Taishang.VectorEngine.Filtering;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Tests.Filtering;

public sealed class FilterMeaningTests
{
    private const string Book =
        "{\"title\":\"太上感應篇\",\"year\":1164,\"price\":9.5,\"free\":false,\"tags\":[\"dao\",\"classic\",7,null],"
        + "\"none\":null,\"empty\":[],\"author\":{\"name\":\"Li\",\"born\":{\"year\":1102}},\"a.b\":5,"
        + "\"parts\":[{\"n\":1,\"kind\":\"x\"},{\"n\":5,\"kind\":\"y\"}],\"big\":9007199254740993,"
        + "\"when\":\"2026-11-22T08:00:00Z\"}";

    [Theory]
    [InlineData("{}", true)]
    [InlineData("{\"year\":1164}", true)]
    [InlineData("{\"year\":1164.0}", true)]
    [InlineData("{\"year\":\"1164\"}", false)]
    [InlineData("{\"year\":{\"$eq\":1164},\"free\":false}", true)]
    [InlineData("{\"year\":{\"$eq\":1164},\"free\":true}", false)]
    [InlineData("{\"free\":0}", false)]
    [InlineData("{\"title\":\"太上感應篇\"}", true)]
    [InlineData("{\"year\":{\"$ne\":1164}}", false)]
    [InlineData("{\"missing\":{\"$ne\":1}}", true)]
    [InlineData("{\"missing\":1}", false)]
    [InlineData("{\"missing\":null}", false)]
    [InlineData("{\"none\":null}", true)]
    [InlineData("{\"none\":{\"$exists\":true}}", true)]
    [InlineData("{\"missing\":{\"$exists\":false}}", true)]
    [InlineData("{\"empty\":{\"$exists\":true}}", true)]
    [InlineData("{\"author\":{\"$exists\":true}}", true)]
    [InlineData("{\"year\":{\"$gt\":1163,\"$lt\":1165}}", true)]
    [InlineData("{\"year\":{\"$gt\":1164}}", false)]
    [InlineData("{\"year\":{\"$gte\":1164}}", true)]
    [InlineData("{\"year\":{\"$lte\":1163.99}}", false)]
    [InlineData("{\"price\":{\"$lt\":10}}", true)]
    [InlineData("{\"price\":{\"$gt\":9.4999}}", true)]
    [InlineData("{\"title\":{\"$gt\":5}}", false)]
    [InlineData("{\"when\":{\"$gte\":\"2026-11-22\",\"$lt\":\"2026-11-23\"}}", true)]
    [InlineData("{\"when\":{\"$lt\":\"2026-11-22\"}}", false)]
    [InlineData("{\"missing\":{\"$lt\":5}}", false)]
    [InlineData("{\"none\":{\"$lte\":5}}", false)]
    [InlineData("{\"year\":{\"$in\":[1,1164]}}", true)]
    [InlineData("{\"year\":{\"$in\":[]}}", false)]
    [InlineData("{\"year\":{\"$nin\":[]}}", true)]
    [InlineData("{\"year\":{\"$nin\":[1164]}}", false)]
    [InlineData("{\"missing\":{\"$nin\":[1]}}", true)]
    [InlineData("{\"tags\":{\"$contains\":\"dao\"}}", true)]
    [InlineData("{\"tags\":{\"$contains\":\"da\"}}", false)]
    [InlineData("{\"tags\":{\"$contains\":7}}", true)]
    [InlineData("{\"tags\":{\"$contains\":null}}", true)]
    [InlineData("{\"tags\":{\"$contains\":8}}", false)]
    [InlineData("{\"tags\":\"classic\"}", true)]
    [InlineData("{\"tags\":{\"$gt\":6}}", true)]
    [InlineData("{\"tags\":{\"$ne\":\"dao\"}}", false)]
    [InlineData("{\"empty\":{\"$contains\":1}}", false)]
    [InlineData("{\"title\":{\"$contains\":\"感應\"}}", true)]
    [InlineData("{\"title\":{\"$contains\":\"應感\"}}", false)]
    [InlineData("{\"year\":{\"$contains\":1164}}", false)]
    [InlineData("{\"author.name\":\"Li\"}", true)]
    [InlineData("{\"author.born.year\":{\"$lt\":1103}}", true)]
    [InlineData("{\"author.born\":{\"$exists\":true}}", true)]
    [InlineData("{\"author.died\":{\"$exists\":true}}", false)]
    [InlineData("{\"author\":{\"$ne\":1}}", true)]
    [InlineData("{\"a.b\":5}", true)]
    [InlineData("{\"parts.n\":5}", true)]
    [InlineData("{\"parts.n\":{\"$gt\":5}}", false)]
    [InlineData("{\"parts.kind\":{\"$contains\":\"y\"}}", true)]
    [InlineData("{\"big\":9007199254740993}", true)]
    [InlineData("{\"big\":9007199254740992}", false)]
    [InlineData("{\"big\":{\"$gt\":9007199254740992}}", true)]
    [InlineData("{\"big\":{\"$lt\":1e300}}", true)]
    [InlineData("{\"big\":{\"$gt\":-1e300}}", true)]
    [InlineData("{\"$or\":[{\"year\":1},{\"free\":false}]}", true)]
    [InlineData("{\"$or\":[{\"year\":1},{\"free\":true}]}", false)]
    [InlineData("{\"$and\":[{\"year\":1164},{\"free\":false}]}", true)]
    [InlineData("{\"$not\":{\"year\":1164}}", false)]
    [InlineData("{\"year\":{\"$not\":{\"$gt\":2000}}}", true)]
    [InlineData("{\"missing\":{\"$not\":{\"$gt\":2000}}}", true)]
    [InlineData("{\"$not\":{\"$or\":[{\"year\":1},{\"missing\":{\"$exists\":true}}]}}", true)]
    public void A_filter_means_what_its_page_says(string filter, bool matches)
    {
        using var table = TableOf(Book);

        Assert.Equal(matches, Matches(filter, table).Single());
    }

    [Fact]
    public void A_row_without_metadata_lacks_every_field()
    {
        using var table = TableOf("", "{}", "{\"a\":1}");

        Assert.Equal([false, false, true], Matches("{\"a\":{\"$exists\":true}}", table));
        Assert.Equal([true, true, false], Matches("{\"a\":{\"$ne\":1}}", table));
    }

    [Fact]
    public void Columns_follow_rows_that_come_after_they_were_read()
    {
        using var table = TableOf("{\"a\":\"x\",\"t\":[1,2]}");
        var columns = new ColumnCache(table);
        Assert.Equal(1, Count("{\"a\":\"x\"}", columns));
        for (var i = 0; i < 500; i++)
            Append(table, i % 2 == 0 ? $"{{\"a\":\"y{i}\",\"t\":[{i}]}}" : "{\"a\":\"x\",\"t\":3}");

        Assert.Equal(251, Count("{\"a\":\"x\"}", columns));
        Assert.Equal(1, Count("{\"a\":\"y4\"}", columns));
        Assert.Equal(1, Count("{\"t\":{\"$contains\":498}}", columns));
        Assert.Equal(2, Count("{\"t\":{\"$contains\":2}}", columns));
    }

    [Fact]
    public void More_fields_than_the_cache_holds_still_answer_right()
    {
        var json = "{" + string.Join(',', Enumerable.Range(0, 200).Select(i => $"\"f{i}\":{i}")) + "}";
        using var table = TableOf(json);
        var columns = new ColumnCache(table);
        for (var round = 0; round < 2; round++)
        {
            for (var i = 0; i < 200; i++)
                Assert.Equal(1, Count($"{{\"f{i}\":{i}}}", columns));
        }
    }

    private static int Count(string filter, ColumnCache columns) =>
        FilterEvaluator.Evaluate(Rows.Filter(filter), columns, columns.Table.Count).CountSet();

    private static bool[] Matches(string filter, RowTable table)
    {
        var bitmap = FilterEvaluator.Evaluate(Rows.Filter(filter), new ColumnCache(table), table.Count);
        return [.. Enumerable.Range(0, table.Count).Select(bitmap.Contains)];
    }

    private static RowTable TableOf(params string[] rows)
    {
        var table = new RowTable(1, DistanceMetric.L2);
        foreach (var json in rows)
            Append(table, json);
        return table;
    }

    private static void Append(RowTable table, string json)
    {
        var fields = new RowFields("x"u8, isInteger: false, RowRecord.Never, Encoding.UTF8.GetBytes(json));
        table.Append(new byte[4], fields, RowTable.Alive);
    }
}
