using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Taishang.Core.Api;
using Taishang.Testing.Hosts;

namespace Taishang.Core.Tests.Api;

public sealed class EnvelopeTests
{
    [Fact]
    public async Task Success_failure_and_nothing_have_the_one_shape()
    {
        await using var host = await StartAsync(app =>
        {
            app.MapGet("/api/taishang/t/ok", () => Envelope.Ok(new { AnyName = 1, Nothing = (string?)null }));
            app.MapGet("/api/taishang/t/done", () => Envelope.Done());
            app.MapGet("/api/taishang/t/page", () => Envelope.Page("rows", [1, 2], 7));
            app.MapGet("/api/taishang/t/created", () => Envelope.Created(new { Id = "x" }));
            app.MapGet("/api/taishang/t/written", (HttpContext context) =>
                Envelope.WriteAsync(context, writer => writer.WriteNumberValue(5)));
        });
        Assert.Equal("""{"code":0,"data":{"any_name":1},"message":"ok"}""", (await Get(host, "ok")).Text);
        Assert.Equal("""{"code":0,"message":"ok"}""", (await Get(host, "done")).Text);
        Assert.Equal("""{"code":0,"data":{"rows":[1,2],"total":7},"message":"ok"}""", (await Get(host, "page")).Text);
        Assert.Equal("""{"code":0,"data":5,"message":"ok"}""", (await Get(host, "written")).Text);
        Assert.Equal(HttpStatusCode.Created, (await Get(host, "created")).Status);
    }

    [Fact]
    public async Task An_answer_that_fails_halfway_does_not_spoil_the_next()
    {
        await using var host = await StartAsync(app =>
        {
            app.MapGet("/api/taishang/t/broken", (HttpContext context) => Envelope.WriteAsync(context, writer =>
            {
                writer.WriteStartObject();
                throw new InvalidOperationException("halfway");
            }));
            app.MapGet("/api/taishang/t/ok", () => Envelope.Ok(1));
        });
        for (var round = 0; round < 3; round++)
        {
            var broken = await Get(host, "broken");
            Assert.Equal((HttpStatusCode.InternalServerError, 10099), (broken.Status, broken.Code));
            Assert.DoesNotContain("halfway", broken.Text, StringComparison.Ordinal);
            Assert.Equal("""{"code":0,"data":1,"message":"ok"}""", (await Get(host, "ok")).Text);
        }
    }

    [Fact]
    public async Task An_error_carries_all_broken_rules_and_retry_after_where_it_may_pass()
    {
        await using var host = await StartAsync(app =>
        {
            app.MapGet("/api/taishang/t/two", IResult () =>
            {
                var errors = new FieldErrors();
                errors.Add(ErrorCodes.MissingField, "name", "required and missing");
                errors.Add(ErrorCodes.InvalidArgument, "dims", "expected 1 to 9, came 0");
                errors.ThrowIfAny();
                return Envelope.Done();
            });
            app.MapGet("/api/taishang/t/busy", IResult () => throw new ApiException(
                ErrorCodes.AiUnavailable, retryAfter: TimeSpan.FromSeconds(2.2)));
        });
        var two = await Get(host, "two");
        Assert.Equal(10005, two.Code);
        Assert.Equal("name: required and missing (and 1 more)", two.Message);
        Assert.Equal(
            """[{"field":"name","code":10005,"message":"required and missing"},"""
            + """{"field":"dims","code":10001,"message":"expected 1 to 9, came 0"}]""",
            two["errors"].GetRawText());

        var busy = await Get(host, "busy");
        Assert.Equal((HttpStatusCode.ServiceUnavailable, 90001), (busy.Status, busy.Code));
        Assert.Equal("3", busy.Headers.GetValues("Retry-After").Single());
        Assert.True(busy.Headers.Contains("X-Request-Id"));
    }

    [Fact]
    public async Task Routes_methods_and_constraints_that_do_not_fit_are_envelopes_too()
    {
        await using var host = await StartAsync(app =>
        {
            app.MapPost("/api/taishang/t/post", () => Envelope.Done());
            app.MapGet("/api/taishang/t/number/{n:int}", (int n) => Envelope.Ok(n));
            app.MapGet("/api/taishang/t/query", (int n) => Envelope.Ok(n));
        });
        var lost = await Get(host, "nowhere");
        Assert.Equal((HttpStatusCode.NotFound, 10008), (lost.Status, lost.Code));
        Assert.Equal("no such route: GET /api/taishang/t/nowhere", lost.Message);

        var method = await Get(host, "post");
        Assert.Equal((HttpStatusCode.MethodNotAllowed, 10009), (method.Status, method.Code));

        var constraint = await Get(host, "number/five");
        Assert.Equal((HttpStatusCode.NotFound, 10008), (constraint.Status, constraint.Code));

        var wrong = await Get(host, "query?n=five");
        Assert.Equal((HttpStatusCode.BadRequest, 10001), (wrong.Status, wrong.Code));
        Assert.Equal("n: the value has the wrong form", wrong.Message);

        var missing = await Get(host, "query");
        Assert.Equal("n: required and missing", missing.Message);
    }

    [Fact]
    public async Task Head_of_an_error_has_its_status_and_no_body()
    {
        await using var host = await StartAsync(_ => { });
        using var answer = await host.Http.SendAsync(new HttpRequestMessage(HttpMethod.Head, "/api/taishang/t/none"));
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        Assert.Equal("", await answer.Content.ReadAsStringAsync());
    }

    private static Task<ApiAnswer> Get(CoreHost host, string name) => host.Api.GetAsync("/api/taishang/t/" + name);

    private static Task<CoreHost> StartAsync(Action<WebApplication> map) =>
        CoreHost.StartAsync(new CoreHostOptions { Map = map });
}
