using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Taishang.Core.Api;

namespace Taishang.Core.Tests.Api;

public sealed class ListQueryTests
{
    [Theory]
    [InlineData("2026-01-31T08:00:00Z", "2026-01-31T08:00:00.0000000Z")]
    [InlineData("2026-01-31T08:00:00.5Z", "2026-01-31T08:00:00.5000000Z")]
    [InlineData("2026-01-31T08:00:00+08:00", "2026-01-31T00:00:00.0000000Z")]
    public void A_time_is_read_in_its_zone(string text, string utc) =>
        Assert.Equal(utc, Read(("from", text)).Time("from")!.Value.UtcDateTime.ToString("O"));

    [Theory]
    [InlineData("")]
    [InlineData("2026-01-31")]
    [InlineData("2026-01-31T08:00:00")]
    [InlineData("2026-02-30T08:00:00Z")]
    [InlineData("now")]
    public void What_is_no_time_with_its_zone_is_refused(string text)
    {
        var e = Assert.Throws<ApiException>(() => Read(("from", text)).Time("from"));
        Assert.Equal((ErrorCodes.InvalidArgument, "from"), (e.Code, e.Errors.Single().Field));
    }

    [Fact]
    public void Defaults_and_limits_hold()
    {
        var query = Read();
        Assert.Equal((1, 20, 0L, null), (query.Page, query.PageSize, query.Skip, query.Sort));
        query = Read(("page", "1000000"), ("page_size", "200"), ("sort", "-name"));
        Assert.Equal((199_999_800L, new ListSort("name", true)), (query.Skip, query.Sort));
        foreach (var (name, value) in (ReadOnlySpan<(string, string)>)
            [("page", "0"), ("page", "-1"), ("page", "1.5"), ("page", " 1"), ("page", "1000001"),
             ("page", "99999999999"), ("page_size", "0"),
             ("page_size", "201"), ("sort", ""), ("sort", "-"), ("sort", "Name")])
        {
            var e = Assert.Throws<ApiException>(() => Read((name, value)));
            Assert.Equal((ErrorCodes.InvalidPage, name), (e.Code, e.Errors.Single().Field));
        }
    }

    private static ListQuery Read(params (string Name, string Value)[] query) => ListQuery.Read(
        new QueryCollection(query.ToDictionary(q => q.Name, q => new StringValues(q.Value))), ["from"], ["name"]);
}
