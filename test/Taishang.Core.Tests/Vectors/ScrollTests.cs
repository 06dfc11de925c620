using System.Net;
using Taishang.Contracts.Ai.V1;

namespace Taishang.Core.Tests.Vectors;

/// <summary>Scrolls and groups through the routes.</summary>
public sealed class ScrollTests
{
    private const string Root = "/api/taishang/vectors";

    [Fact]
    public async Task A_scroll_is_read_page_by_page_by_its_cursor()
    {
        await using var world = await VectorWorld.StartAsync();
        await world.CreateAsync("points");
        await world.UpsertAsync("points", """
            [{"id":"a","vector":[0,0],"metadata":{"k":1}},{"id":"b","vector":[5,5]},{"id":3,"vector":[1,1]}]
            """);

        var first = await world.Api.PostAsync(
            $"{Root}/scroll", """{"collection":"points","limit":2,"filter":{"k":1},"include":["metadata","vector"]}""");
        var second = await world.Api.PostAsync(
            $"{Root}/scroll", """{"collection":"points","limit":2,"cursor":"2","filter":null}""");

        Assert.Equal(
            """{"vectors":[{"id":3,"vector":[1,1]},{"id":"a","vector":[0,0],"metadata":{"k":1}}],"""
            + "\"next_cursor\":\"2\",\"total\":3}",
            first.Data.GetRawText());
        Assert.Equal("""{"vectors":[{"id":"b"}],"total":3}""", second.Data.GetRawText());
        var asked = world.Worker.Ai.RequestsOf<ScrollVectorsRequest>().ToList();
        Assert.Equal("""{"k":1}""", asked[0].FilterJson.ToStringUtf8());
        Assert.Equal((true, true, "", 2), (asked[0].IncludeMetadata, asked[0].IncludeVector, asked[0].Cursor, 2));
    }

    [Fact]
    public async Task An_expired_scroll_is_gone()
    {
        await using var world = await VectorWorld.StartAsync();
        await world.CreateAsync("points");

        var answer = await world.Api.PostAsync($"{Root}/scroll", """{"collection":"points","cursor":"old"}""");

        Assert.Equal((HttpStatusCode.Gone, 40008), (answer.Status, answer.Code));
    }

    [Theory]
    [InlineData("""{}""", 10005)]
    [InlineData("""{"collection":"points","limit":0}""", 10001)]
    [InlineData("""{"collection":"points","limit":10001}""", 10001)]
    [InlineData("""{"collection":"points","cursor":""}""", 10001)]
    [InlineData("""{"collection":"points","cursor":"2","filter":{"a":1}}""", 10001)]
    [InlineData("""{"collection":"points","cursor":7}""", 10004)]
    [InlineData("""{"collection":"points","include":["all"]}""", 10001)]
    [InlineData("""{"collection":"points","offset":7}""", 10003)]
    public async Task What_breaks_a_rule_of_scrolls_is_refused(string body, int code)
    {
        await using var world = await VectorWorld.StartAsync();
        await world.CreateAsync("points");

        var answer = await world.Api.PostAsync($"{Root}/scroll", body);

        Assert.Equal((HttpStatusCode.BadRequest, code), (answer.Status, answer.Code));
    }

    [Fact]
    public async Task Groups_come_with_their_values_beside_the_nearest_rows()
    {
        await using var world = await VectorWorld.StartAsync();
        await world.CreateAsync("points");
        await world.UpsertAsync("points", """[{"id":"a","vector":[0,0]},{"id":"b","vector":[3,4]}]""");

        var answer = await world.Api.PostAsync($"{Root}/search",
            """{"collection":"points","vector":[0,0],"top_k":2,"group_by":"g","group_size":3}""");

        Assert.Equal(
            """{"results":[{"id":"a","score":1,"distance":0},{"id":"b","score":0.16666667,"distance":5}],"total":2,"""
            + """ "groups":[{"value":"g0","results":[{"id":"a","score":1,"distance":0}],"total":1},""".Trim()
            + """{"value":"g1","results":[{"id":"b","score":0.16666667,"distance":5}],"total":1}]}""",
            answer.Data.GetRawText());
        var asked = world.Worker.Ai.RequestsOf<SearchVectorsRequest>().Single();
        Assert.Equal(("g", 3), (asked.GroupBy, asked.GroupSize));
    }

    [Theory]
    [InlineData("\"group_by\":\"\"", "group_by")]
    [InlineData("\"group_size\":2", "group_size")]
    [InlineData("\"group_by\":\"g\",\"group_size\":1001", "group_size")]
    [InlineData("\"group_by\":\"g\",\"group_size\":1000,\"top_k\":17", "group_size")]
    [InlineData("\"group_by\":\"g\",\"offset\":1", "offset")]
    public async Task What_breaks_a_rule_of_groups_is_refused_by_its_field(string more, string field)
    {
        await using var world = await VectorWorld.StartAsync();
        await world.CreateAsync("points");

        var answer = await world.Api.PostAsync(
            $"{Root}/search", $$"""{"collection":"points","vector":[0,0],{{more}}}""");

        Assert.Equal((HttpStatusCode.BadRequest, 10001), (answer.Status, answer.Code));
        Assert.Equal(field, answer.Data.GetProperty("errors")[0].GetProperty("field").GetString());
    }
}
