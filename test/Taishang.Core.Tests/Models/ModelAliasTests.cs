using System.Net;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Testing.Hosts;
using static Taishang.Core.Tests.Models.ModelWorld;

namespace Taishang.Core.Tests.Models;

public sealed class ModelAliasTests
{
    [Fact]
    public async Task Aliases_are_set_moved_and_removed_in_one_call()
    {
        await using var host = await CoreHost.StartAsync();
        var id = await WithTwoVersionsAsync(host);
        async Task<string> Put(string aliases)
        {
            var answer = await host.Api.PutAsync($"{Root}/{id}/aliases", $$"""{"aliases":[{{aliases}}]}""");
            return answer.Code != 0 ? $"{answer.Code}" : string.Join(' ', answer["aliases"].EnumerateArray()
                .Select(alias => $"{alias.Text("alias")}={alias.Text("version")}"));
        }

        Assert.Equal("candidate=1.1.0 champion=1.0.0", await Put("""
            {"alias":"champion","version":"1.0.0","expected_version":null},{"alias":"candidate","version":"1.1.0"}
            """));
        Assert.Equal("champion=1.1.0", await Put("""
            {"alias":"champion","version":"1.1.0","expected_version":"1.0.0"},{"alias":"candidate","version":null}
            """));
        Assert.Equal("20013", await Put("""{"alias":"champion","version":"1.0.0","expected_version":"1.0.0"}"""));
        Assert.Equal("20013", await Put("""{"alias":"champion","version":"1.0.0","expected_version":null}"""));
        Assert.Equal("20012", await Put(
            """{"alias":"champion","version":"1.0.0"},{"alias":"candidate","version":null}"""));
        Assert.Equal("20007", await Put("""{"alias":"champion","version":"3.0.0"}"""));
        var list = await host.Api.GetAsync($"{Root}/{id}/aliases");
        Assert.Equal("1.1.0", Assert.Single(list["aliases"].EnumerateArray()).Text("version"));
    }

    [Theory]
    [InlineData("""{"aliases":[]}""", 10001, "aliases")]
    [InlineData("""{"aliases":[null]}""", 10004, "aliases[0]")]
    [InlineData("""{"aliases":[{"alias":"a","version":"1.0.0"},{"alias":"a","version":null}]}""", 10001,
        "aliases[1].alias")]
    [InlineData("""{"aliases":[{"alias":"1.0.0","version":"1.0.0"}]}""", 20003, "aliases[0].alias")]
    [InlineData("""{"aliases":[{"alias":"Champion","version":"1.0.0"}]}""", 20003, "aliases[0].alias")]
    [InlineData("""{"aliases":[{"alias":"a@b","version":"1.0.0"}]}""", 20003, "aliases[0].alias")]
    [InlineData("""{"aliases":[{"alias":"a","version":"1"}]}""", 20003, "aliases[0].version")]
    [InlineData("""{"aliases":[{"alias":"a","version":null,"expected_version":1}]}""", 10004,
        "aliases[0].expected_version")]
    public async Task A_bad_change_is_refused_with_its_field(string body, int code, string field)
    {
        await using var host = await CoreHost.StartAsync();
        var id = await host.RegisterAsync();
        var answer = await host.Api.PutAsync($"{Root}/{id}/aliases", body);
        Assert.Equal(code, answer.Code);
        Assert.Equal(field, answer["errors"][0].Text("field"));
    }

    [Fact]
    public async Task A_model_has_no_more_aliases_than_the_limit_and_a_call_over_it_changes_nothing()
    {
        await using var host = await CoreHost.StartAsync();
        var id = await host.RegisterAsync();
        var all = string.Join(',', Enumerable.Range(0, 50).Select(i => $$"""{"alias":"a{{i}}","version":"1.0.0"}"""));
        Assert.Equal(0, (await host.Api.PutAsync($"{Root}/{id}/aliases", $$"""{"aliases":[{{all}}]}""")).Code);
        var more = await host.Api.PutAsync($"{Root}/{id}/aliases/more", """{"version":"1.0.0"}""");
        Assert.Equal((HttpStatusCode.BadRequest, 20003), (more.Status, more.Code));
        Assert.Equal(50, (await host.Api.GetAsync($"{Root}/{id}/aliases"))["aliases"].GetArrayLength());
    }

    [Fact]
    public async Task One_alias_is_set_and_removed_on_its_own_and_of_many_who_expect_the_same_one_wins()
    {
        await using var host = await CoreHost.StartAsync();
        var id = await WithTwoVersionsAsync(host);
        var path = $"{Root}/{id}/aliases/champion";
        Assert.Equal("1.0.0", (await host.Api.PutAsync(path, """{"version":"1.0.0"}""")).String("version"));
        var moves = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ =>
            host.Api.PutAsync(path, """{"version":"1.1.0","expected_version":"1.0.0"}""")));
        Assert.Single(moves, move => move.Code == 0);
        Assert.All(moves.Where(move => move.Code != 0),
            move => Assert.Equal((HttpStatusCode.Conflict, 20013), (move.Status, move.Code)));
        Assert.Equal(20013, (await host.Api.DeleteAsync($"{path}?expected_version=1.0.0")).Code);
        Assert.Equal(10003, (await host.Api.DeleteAsync($"{path}?force=true")).Code);
        Assert.Equal(0, (await host.Api.DeleteAsync($"{path}?expected_version=1.1.0")).Code);
        Assert.Equal(20012, (await host.Api.DeleteAsync(path)).Code);
        Assert.Equal(20001, (await host.Api.DeleteAsync($"{Root}/{Guid.CreateVersion7()}/aliases/a")).Code);
    }

    [Fact]
    public async Task An_alias_is_followed_at_once_after_it_moved_and_goes_with_its_model()
    {
        var ai = new FakeAiClient().WithPassingModels()
            .On(AiCalls.InferenceModel, _ => new InferenceModelResponse { Tokens = 1 });
        await using var host = await CoreHost.StartAsync(new CoreHostOptions { Ai = ai });
        var id = await WithTwoVersionsAsync(host);
        async Task<string> Run(string version)
        {
            var answer = await host.Api.PostAsync(
                $"{Root}/{id}/infer", $$"""{"text":"a","version":"{{version}}"}""");
            return answer.Code == 0 ? answer.String("version") : $"{answer.Code}";
        }

        Assert.Equal("20012", await Run("champion"));
        await host.Api.PutAsync($"{Root}/{id}/aliases/champion", """{"version":"1.0.0"}""");
        Assert.Equal("1.0.0", await Run("champion"));
        await host.Api.PutAsync($"{Root}/{id}/aliases/champion", """{"version":"1.1.0"}""");
        Assert.Equal("1.1.0", await Run("champion"));
        // Whichever way it moved.
        await host.Api.PutAsync($"{Root}/{id}/aliases", """{"aliases":[{"alias":"champion","version":"1.0.0"}]}""");
        Assert.Equal("1.0.0", await Run("champion"));
        await host.Api.DeleteAsync($"{Root}/{id}/aliases/champion");
        Assert.Equal("20012", await Run("champion"));
        Assert.Equal(("1.0.0", "20007", "10001"), (await Run("1.0.0"), await Run("9.0.0"), await Run("No!")));
        Assert.Equal(0, (await host.Api.DeleteAsync($"{Root}/{id}")).Code);
        Assert.Equal(20001, (await host.Api.GetAsync($"{Root}/{id}/aliases")).Code);
    }

    [Fact]
    public async Task An_alias_that_is_set_to_where_it_is_has_not_moved()
    {
        await using var host = await CoreHost.StartAsync();
        var id = await WithTwoVersionsAsync(host);
        var path = $"{Root}/{id}/aliases/champion";
        var first = await host.Api.PutAsync(path, """{"version":"1.0.0"}""");
        var same = await host.Api.PutAsync(path, """{"version":"1.0.0","expected_version":"1.0.0"}""");
        var moved = await host.Api.PutAsync(path, """{"version":"1.1.0"}""");

        Assert.Equal(first.String("updated_at"), same.String("updated_at"));
        Assert.NotEqual(first.String("updated_at"), moved.String("updated_at"));
        Assert.Equal(first.String("created_at"), moved.String("created_at"));
    }

    private static async Task<string> WithTwoVersionsAsync(CoreHost host)
    {
        var id = await host.RegisterAsync();
        Assert.Equal(0, (await host.Api.PutAsync($"{Root}/{id}", """{"version":"1.1.0"}""")).Code);
        return id;
    }
}
