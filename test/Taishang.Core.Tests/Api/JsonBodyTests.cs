using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Taishang.Core.Api;
using Taishang.Testing.Hosts;

namespace Taishang.Core.Tests.Api;

/// <summary>Every way in which a body can be wrong, really sent.</summary>
public sealed class JsonBodyTests
{
    private const string Path = "/api/taishang/json_test";

    public static TheoryData<string, int, string> BadBodies => new()
    {
        { """{"name":"a","color":1}""", 10003, "color: not a field of this request" },
        { """{"name":"a","inner":{"deep":1}}""", 10003, "inner.deep: not a field of this request" },
        { """{"count":1}""", 10005, "name: required and missing" },
        { """{"name":5}""", 10004, "name: expected a string, came the number 5" },
        { """{"name":null}""", 10004, "name: expected a value, came null" },
        { """{"name":"a","count":"5"}""", 10004, "count: expected a whole number of 32 bits, came a string" },
        { """{"name":"a","count":1.5}""", 10004, "count: expected a whole number of 32 bits, came the number 1.5" },
        { """{"name":"a","count":99999999999999999999}""", 10004,
            "count: expected a whole number of 32 bits, came the number 99999999999999999999" },
        { """{"name":"a","flag":"yes"}""", 10004, "flag: expected true or false, came a string" },
        { """{"name":"a","at":"yesterday"}""", 10004, "at: expected a time in RFC 3339" },
        { """{"name":"a","at":5}""", 10004, "at: expected a time in RFC 3339" },
        { """{"name":"a","values":{}}""", 10004, "values: expected an array, came an object" },
        { """{"name":"a","rows":{}}""", 10004, "rows: expected an array, came an object" },
        { """{"name":"a","rows":[{"id":"x"},{"id":7}]}""", 10004,
            "rows[1].id: expected a string, came the number 7" },
        { """{"name":"a","rows":[{"id":"x"},{}]}""", 10005, "rows[1].id: required and missing" },
        { """{"name":"a","values":[1,1e40]}""", 10004, "values[1]: expected a number within float32" },
        { """{"name":"a","values":[1e999999]}""", 10004, "values[0]: expected a number within float32" },
        { """{"name":"a","ratio":1e999}""", 10004, "ratio: expected a number within float64" },
        { """{"name":"a","values":["1"]}""", 10004, "values[0]: expected a number within float32, came a string" },
        { """{"name":"a","values":[NaN]}""", 10002, "values[0]: not JSON" },
        { """{"name":"a","values":[Infinity]}""", 10002, "values[0]: not JSON" },
        { """{"name":"a","name":"b"}""", 10002, "name: given twice" },
        { "null", 10004, "body: expected an object, came null" },
        { "", 10002, "body: expected a JSON object, came nothing" },
        { "   ", 10002, "body: not JSON" },
        { "[]", 10004, "body: expected an object, came an array" },
        { "\"text\"", 10004, "body: expected an object, came a string" },
        { """{"name":"a"} x""", 10002, "body: not JSON" },
        { """{"name":"a"}{}""", 10002, "body: not JSON" },
        { """{"name":"a",}""", 10002, "body: not JSON" },
        { """{"name":"a" """, 10002, "body: not JSON" },
        { """{"name":"a"/* note */}""", 10002, "body: not JSON" },
        { """{'name':'a'}""", 10002, "body: not JSON" },
        { """{"name":"\ud800"}""", 10002, "body: a high surrogate without its low one" },
        { """{"name":"a","any":{"x":"\udc00"}}""", 10002, "body: a low surrogate without its high one" },
        { """{"name":"a","any":{"x":"\ud83dA"}}""", 10002, "body: a high surrogate without its low one" },
        { """{"name":"a\u0000b"}""", 10002, "body: the character U+0000 is not taken" },
        { """{"name":"\x"}""", 10002, "name: not JSON" },
    };

    [Theory]
    [MemberData(nameof(BadBodies))]
    public async Task A_bad_body_gives_its_code_and_names_the_field(string body, int code, string message)
    {
        await using var host = await StartAsync();
        var answer = await host.Api.PostAsync(Path, body);
        Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
        Assert.Equal(code, answer.Code);
        Assert.StartsWith(message, answer.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("System.", answer.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("Taishang", answer.Text, StringComparison.Ordinal);
        Assert.DoesNotContain(".NET", answer.Text, StringComparison.Ordinal);
        Assert.Equal("application/json", answer.ContentType!.MediaType);
    }

    [Theory]
    [InlineData(ApiJson.DepthMax - 1, 0)]
    [InlineData(ApiJson.DepthMax, 10006)]
    [InlineData(100_000, 10006)]
    public async Task Nesting_is_taken_to_its_limit_and_refused_beyond(int levels, int code)
    {
        await using var host = await StartAsync();
        var deep = new string('[', levels) + new string(']', levels);
        var answer = await host.Api.PostAsync(Path, $$"""{"name":"a","any":{{deep}}}""");
        Assert.Equal(code, answer.Code);
    }

    [Theory]
    [InlineData(new byte[] { 0xFF, 0xFE })]
    [InlineData(new byte[] { 0xC3, 0x28 })]
    [InlineData(new byte[] { 0xED, 0xA0, 0x80 })]
    public async Task Text_that_is_not_utf8_is_refused_wherever_it_stands(byte[] broken)
    {
        await using var host = await StartAsync();
        byte[] body = [.. "{\"name\":\"a\",\"any\":{\"x\":\""u8, .. broken, .. "\"}}"u8];
        var answer = await host.Api.PostBytesAsync(Path, body);
        Assert.Equal(10002, answer.Code);
        Assert.Contains("not UTF-8 from byte 25", answer.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_byte_order_mark_escaped_pairs_and_unicode_are_taken()
    {
        await using var host = await StartAsync();
        byte[] body = [0xEF, 0xBB, 0xBF, .. """{"name":"太上\ud83d\ude00 \\u0000 \\ud800","any":{"x":1e40}}"""u8];
        var answer = await host.Api.PostBytesAsync(Path, body);
        Assert.Equal(0, answer.Code);
        Assert.Equal("太上😀 \\u0000 \\ud800", answer.String("name"));
        Assert.Contains("太上", answer.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_beyond_the_limit_gives_413_whether_its_length_is_told_or_not()
    {
        await using var host = await StartAsync(("Api:BodyBytesMax", "2000"));
        var body = $$"""{"name":"{{new string('a', 3000)}}"}""";
        var told = await host.Api.PostAsync(Path, body);
        Assert.Equal((HttpStatusCode.RequestEntityTooLarge, 10011), (told.Status, told.Code));

        var request = new HttpRequestMessage(HttpMethod.Post, Path)
        {
            Content = new StringContent(body, Encoding.UTF8, "application/json"),
        };
        request.Headers.TransferEncodingChunked = true;
        var untold = await host.Api.SendAsync(request);
        Assert.Equal((HttpStatusCode.RequestEntityTooLarge, 10011), (untold.Status, untold.Code));

        var exact = $$"""{"name":"{{new string('a', 2000 - 11)}}"}""";
        Assert.Equal(2000, exact.Length);
        Assert.Equal(0, (await host.Api.PostAsync(Path, exact)).Code);
    }

    [Fact]
    public async Task A_body_above_the_servers_own_default_limit_is_read_whole()
    {
        await using var host = await StartAsync();
        var length = 40 << 20;
        var answer = await host.Api.PostAsync(Path + "/length", $$"""{"name":"{{new string('a', length)}}"}""");
        Assert.Equal(length, answer["length"].GetInt32());
    }

    [Theory]
    [InlineData("text/plain", HttpStatusCode.UnsupportedMediaType)]
    [InlineData("application/x-www-form-urlencoded", HttpStatusCode.UnsupportedMediaType)]
    [InlineData("application/json; charset=utf-16", HttpStatusCode.UnsupportedMediaType)]
    [InlineData("application/json; charset=UTF-8", HttpStatusCode.OK)]
    [InlineData("application/merge-patch+json", HttpStatusCode.OK)]
    public async Task Only_json_in_utf8_is_taken(string contentType, HttpStatusCode status)
    {
        await using var host = await StartAsync();
        var answer = await host.Api.PostBytesAsync(Path, """{"name":"a"}"""u8.ToArray(), contentType);
        Assert.Equal(status, answer.Status);
        Assert.Equal(status == HttpStatusCode.OK ? 0 : 10010, answer.Code);
    }

    [Fact]
    public async Task An_encoded_body_is_refused_as_such()
    {
        await using var host = await StartAsync();
        var request = new HttpRequestMessage(HttpMethod.Post, Path)
        {
            Content = new StringContent("{}", Encoding.UTF8, "application/json"),
        };
        request.Content.Headers.ContentEncoding.Add("gzip");
        var answer = await host.Api.SendAsync(request);
        Assert.Equal((HttpStatusCode.UnsupportedMediaType, 10010), (answer.Status, answer.Code));
    }

    private static Task<CoreHost> StartAsync(params (string Key, string Value)[] settings) =>
        CoreHost.StartAsync(new CoreHostOptions
        {
            Settings = settings.ToDictionary(s => s.Key, s => s.Value),
            Map = app =>
            {
                app.MapPost(Path, async (HttpContext context, CancellationToken cancellation) =>
                    Envelope.Ok(await JsonBody.ReadAsync<Body>(context, cancellation)));
                app.MapPost(Path + "/length", async (HttpContext context, CancellationToken cancellation) =>
                    Envelope.Ok(new { (await JsonBody.ReadAsync<Body>(context, cancellation)).Name.Length }));
            },
        });

    private sealed record Body
    {
        public required string Name { get; init; }

        public int? Count { get; init; }

        public bool Flag { get; init; }

        public double? Ratio { get; init; }

        public DateTimeOffset? At { get; init; }

        public float[]? Values { get; init; }

        public IReadOnlyList<Row>? Rows { get; init; }

        public Inner? Inner { get; init; }

        public System.Text.Json.JsonElement? Any { get; init; }
    }

    private sealed record Row(string Id);

    private sealed record Inner(int? Size = null);
}
