using System.Text.Json;
using Taishang.Testing.Hosts;
using static Taishang.Core.Tests.Models.ModelWorld;

namespace Taishang.Core.Tests.Models;

/// <summary>Every limit of tags, card and measurements, each one step beyond it and at it.</summary>
public sealed class ModelCardLimitTests
{
    [Fact]
    public async Task Whatever_is_longer_or_more_than_its_limit_is_refused_by_its_field_and_the_limit_itself_is_taken()
    {
        await using var host = await CoreHost.StartAsync();
        var id = await host.RegisterAsync();
        foreach (var (part, field, body, max) in Limits())
        {
            var over = await SendAsync(host, id, part, body(max + 1));
            Assert.True((over.Code, over["errors"][0].Text("field")) == (20003, field), $"{part} {field}: {over}");
            var full = await SendAsync(host, id, part, body(max));
            Assert.True(full.Code == 0, $"{part} {field}: {full}");
        }
    }

    [Fact]
    public async Task Measurements_are_narrowed_by_version_and_read_in_both_orders()
    {
        await using var host = await CoreHost.StartAsync();
        var id = await host.RegisterAsync();
        await host.Api.PutAsync($"{Root}/{id}", """{"version":"1.1.0"}""");
        foreach (var (version, mrr) in ((string, int)[])[("1.0.0", 1), ("1.1.0", 2), ("1.0.0", 3)])
        {
            await host.Api.PostAsync(
                $"{Root}/{id}/evaluations", $$$"""{"version":"{{{version}}}","metrics":{"mrr":{{{mrr}}}}}""");
        }

        async Task<string> Read(string query) => string.Join(
            ' ',
            (await host.Api.GetAsync($"{Root}/{id}/evaluations{query}"))["evaluations"].EnumerateArray()
                .Select(one => one.GetProperty("metrics").GetProperty("mrr").GetRawText()));

        Assert.Equal("3 2 1", await Read(""));
        Assert.Equal("3 2 1", await Read("?sort=-created_at"));
        Assert.Equal("1 2 3", await Read("?sort=created_at"));
        Assert.Equal("3 1", await Read("?version=1.0.0"));
        Assert.Equal("1 3", await Read("?version=1.0.0&sort=created_at"));
        Assert.Empty(await Read("?source=task"));
    }

    [Theory]
    [InlineData("Team")]
    [InlineData("a\\\"b")]
    [InlineData(":x")]
    public async Task A_list_is_not_narrowed_by_a_tag_that_can_not_be(string tag)
    {
        await using var host = await CoreHost.StartAsync();

        var answer = await host.Api.GetAsync($"{Root}?tag={Uri.EscapeDataString(tag)}");

        Assert.Equal((10001, "tag"), (answer.Code, answer["errors"][0].Text("field")));
    }

    private static IEnumerable<(string Part, string Field, Func<int, string> Body, int Max)> Limits()
    {
        yield return ("tags", "tags", n => Json(new { tags = Numbered(n, "v") }), 50);
        yield return ("tags", "tags.a", n => Json(new { tags = new { a = Text(n) } }), 200);
        yield return ("card", "licence", n => Json(new { licence = Text(n) }), 100);
        yield return ("card", "training_data", n => Json(new { training_data = Text(n) }), 4_000);
        yield return ("card", "intended_use", n => Json(new { intended_use = Text(n) }), 4_000);
        yield return ("card", "limitations", n => Json(new { limitations = Text(n) }), 4_000);
        yield return ("card", "languages", n => Json(new { languages = Enumerable.Repeat("en", n) }), 200);
        yield return ("card", "languages[0]", n => Json(new { languages = new[] { Language(n) } }), 35);
        yield return ("card", "links", n => Json(new { links = Enumerable.Repeat(Link("a", 20), n) }), 20);
        yield return ("card", "links[0].title", n => Json(new { links = new[] { Link(Text(n), 20) } }), 200);
        yield return ("card", "links[0].url", n => Json(new { links = new[] { Link("a", n) } }), 500);
        yield return ("evaluations", "metrics", n => Json(new { metrics = Numbered(n, 1) }), 50);
        yield return ("evaluations", "dataset", n => Json(new { metrics = new { a = 1 }, dataset = Text(n) }), 200);
        yield return ("evaluations", "notes", n => Json(new { metrics = new { a = 1 }, notes = Text(n) }), 4_000);
    }

    private static Task<ApiAnswer> SendAsync(CoreHost host, string id, string part, string body) =>
        part == "evaluations"
            ? host.Api.PostAsync($"{Root}/{id}/{part}", body)
            : host.Api.PutAsync($"{Root}/{id}/{part}", body);

    private static string Json(object body) => JsonSerializer.Serialize(body);

    private static string Text(int characters) => new('x', characters);

    /// <summary>A language tag of so many characters: subtags have at most eight.</summary>
    private static string Language(int characters) =>
        string.Concat(Enumerable.Range(0, characters).Select(i => i % 9 == 6 ? '-' : 'a'));

    private static object Link(string title, int urlCharacters) =>
        new { title, url = "https://a.b/".PadRight(urlCharacters, 'x') };

    private static Dictionary<string, T> Numbered<T>(int count, T value) =>
        Enumerable.Range(0, count).ToDictionary(i => $"k{i}", _ => value);
}
