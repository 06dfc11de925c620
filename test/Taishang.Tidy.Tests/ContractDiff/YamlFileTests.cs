using Taishang.ContractDiff;

namespace Taishang.Tidy.Tests.ContractDiff;

public sealed class YamlFileTests
{
    [Fact]
    public void Values_are_read_as_the_json_that_they_stand_for()
    {
        var file = YamlFile.Parse("""
            { text: plain, quoted: '1', whole: -12, real: 2.5, big: -9223372036854775808, power: 3.4e38,
              yes: true, nothing: ~, list: [1, a], version: 1.0.0, time: 2026-01-31T08:00:00Z }
            """);
        string[] expected =
        [
            "text=\"plain\"", "quoted=\"1\"", "whole=-12", "real=2.5", "big=-9223372036854775808", "power=3.4E+38",
            "yes=true", "nothing=null", "list=[1,\"a\"]", "version=\"1.0.0\"", "time=\"2026-01-31T08:00:00Z\"",
        ];
        Assert.Equal(expected, file.Select(pair => $"{pair.Key}={pair.Value?.ToJsonString() ?? "null"}"));
    }

    [Theory]
    [InlineData("a: 1\na: 2")]
    [InlineData("- 1")]
    [InlineData("a: [1")]
    [InlineData("a: 1\n---\nb: 2")]
    public void What_is_not_one_object_is_refused(string text) =>
        Assert.Throws<FormatException>(() => YamlFile.Parse(text));
}
