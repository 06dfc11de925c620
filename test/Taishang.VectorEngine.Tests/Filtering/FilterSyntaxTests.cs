using System.Text;
using Taishang.VectorEngine.Filtering;

namespace Taishang.VectorEngine.Tests.Filtering;

public sealed class FilterSyntaxTests
{
    [Theory]
    [InlineData("", "$")]
    [InlineData("{", "$")]
    [InlineData("[]", "$")]
    [InlineData("7", "$")]
    [InlineData("{\"$and\":{}}", "$.$and")]
    [InlineData("{\"$and\":[]}", "$.$and")]
    [InlineData("{\"$or\":[{\"a\":1},7]}", "$.$or[1]")]
    [InlineData("{\"$and\":[{\"a\":1},{\"year\":{\"$gt\":true}}]}", "$.$and[1].year.$gt")]
    [InlineData("{\"$nor\":[]}", "$.$nor")]
    [InlineData("{\"\":1}", "$.")]
    [InlineData("{\"a\":{}}", "$.a")]
    [InlineData("{\"a\":[1,2]}", "$.a")]
    [InlineData("{\"a\":{\"b\":1}}", "$.a.b")]
    [InlineData("{\"a\":{\"$eq\":{\"b\":1}}}", "$.a.$eq")]
    [InlineData("{\"a\":{\"$in\":7}}", "$.a.$in")]
    [InlineData("{\"a\":{\"$in\":[1,[2]]}}", "$.a.$in[1]")]
    [InlineData("{\"a\":{\"$exists\":1}}", "$.a.$exists")]
    [InlineData("{\"a\":{\"$lt\":null}}", "$.a.$lt")]
    [InlineData("{\"a\":{\"$not\":7}}", "$.a.$not")]
    [InlineData("{\"$not\":7}", "$.$not")]
    public void A_filter_that_cannot_be_understood_names_the_place(string json, string path)
    {
        var refused = Assert.Throws<FilterSyntaxException>(() => Rows.Filter(json));

        Assert.Equal(path, refused.Path);
    }

    [Fact]
    public void Depth_conditions_values_and_bytes_are_limited()
    {
        var deep = string.Concat(Enumerable.Repeat("{\"$not\":", FilterLimits.DepthMax + 1)) + "{\"a\":1}"
            + new string('}', FilterLimits.DepthMax + 1);
        Assert.Throws<FilterSyntaxException>(() => Rows.Filter(deep));

        var veryDeep = string.Concat(Enumerable.Repeat("{\"$and\":[", 5000));
        Assert.Throws<FilterSyntaxException>(() => Rows.Filter(veryDeep));

        var deepField = "{\"a\":" + string.Concat(Enumerable.Repeat("{\"$not\":", 30)) + "{\"$eq\":1}"
            + new string('}', 31);
        Assert.Throws<FilterSyntaxException>(() => Rows.Filter(deepField));

        var parts = string.Join(',', Enumerable.Repeat("{\"a\":1}", FilterLimits.ConditionsMax + 1));
        Assert.Throws<FilterSyntaxException>(() => Rows.Filter($"{{\"$or\":[{parts}]}}"));

        var values = string.Join(',', Enumerable.Range(0, FilterLimits.ListValuesMax + 1));
        Assert.Throws<FilterSyntaxException>(() => Rows.Filter($"{{\"a\":{{\"$in\":[{values}]}}}}"));

        var bytes = "{\"a\":\"" + new string('x', FilterLimits.JsonBytesMax) + "\"}";
        Assert.Throws<FilterSyntaxException>(() => Rows.Filter(bytes));

        Assert.Throws<FilterSyntaxException>(
            () => Rows.Filter("{\"" + new string('x', FilterLimits.PathCharactersMax + 1) + "\":1}"));
    }

    [Fact]
    public void Bytes_that_are_no_text_are_refused()
    {
        var broken = "{\"?\":1}"u8.ToArray();
        broken[2] = 0xFF;
        Assert.Throws<FilterSyntaxException>(() => MetadataFilter.Parse(broken));
        Assert.Throws<FilterSyntaxException>(() => Rows.Filter("{\"a\":\"\\ud800\"}"));
        Assert.Throws<FilterSyntaxException>(() => MetadataFilter.Parse(Encoding.Unicode.GetBytes("{}")));
    }

    [Fact]
    public void Any_bytes_are_a_filter_or_a_syntax_error_and_nothing_else()
    {
        var random = new Random(21);
        const string Sound = "{\"$and\":[{\"a.b\":{\"$in\":[1,\"x\",null]}},{\"$not\":{\"c\":{\"$contains\":\"y\"}}}]}";
        var seed = Encoding.UTF8.GetBytes(Sound);
        for (var i = 0; i < 5000; i++)
        {
            var bytes = seed.ToArray();
            for (var change = 0; change <= random.Next(4); change++)
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);

            try
            {
                MetadataFilter.Parse(bytes);
            }
            catch (FilterSyntaxException refused)
            {
                Assert.StartsWith("$", refused.Path, StringComparison.Ordinal);
            }
        }
    }
}
