using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Taishang.Core.Api;
using Taishang.Testing.Hosts;

namespace Taishang.Core.Tests.Api;

public sealed class IdempotencyTests
{
    private const string Path = "/api/taishang/things";

    [Fact]
    public async Task The_same_key_and_body_give_the_first_answer_and_run_once()
    {
        var things = new Things();
        await using var host = await StartAsync(things);
        var first = await host.Api.PostAsync(Path, """{"name":"a"}""", "k");
        var again = await host.Api.PostAsync(Path, """{"name":"a"}""", "k");
        Assert.Equal(HttpStatusCode.Created, first.Status);
        Assert.Equal((first.Status, first.Text), (again.Status, again.Text));
        Assert.Equal("true", again.Headers.GetValues("Idempotency-Replayed").Single());
        Assert.False(first.Headers.Contains("Idempotency-Replayed"));
        Assert.Single(things.Ids);

        await host.Api.PostAsync(Path, """{"name":"a"}""", "other");
        await host.Api.PostAsync(Path, """{"name":"a"}""");
        Assert.Equal(3, things.Ids.Count);
    }

    [Fact]
    public async Task The_same_key_with_another_body_or_path_is_refused()
    {
        await using var host = await StartAsync(new Things());
        await host.Api.PostAsync(Path, """{"name":"a"}""", "k");
        var other = await host.Api.PostAsync(Path, """{"name":"b"}""", "k");
        Assert.Equal((HttpStatusCode.UnprocessableEntity, 10012), (other.Status, other.Code));
        var query = await host.Api.PostAsync(Path + "?x=1", """{"name":"a"}""", "k");
        Assert.Equal(10012, query.Code);
    }

    [Fact]
    public async Task While_the_first_runs_the_second_is_told_so()
    {
        var things = new Things { Gate = new TaskCompletionSource() };
        await using var host = await StartAsync(things);
        var first = host.Api.PostAsync(Path, """{"name":"a"}""", "k");
        await things.Entered.Task.WaitAsync(TimeSpan.FromSeconds(30));
        var second = await host.Api.PostAsync(Path, """{"name":"a"}""", "k");
        Assert.Equal((HttpStatusCode.Conflict, 10018), (second.Status, second.Code));
        Assert.True(second.Headers.Contains("Retry-After"));
        things.Gate.SetResult();
        Assert.Equal(HttpStatusCode.Created, (await first).Status);
    }

    [Fact]
    public async Task A_refused_request_leaves_the_key_free_for_a_better_one()
    {
        await using var host = await StartAsync(new Things());
        Assert.Equal(10005, (await host.Api.PostAsync(Path, "{}", "k")).Code);
        Assert.Equal(10002, (await host.Api.PostAsync(Path, "{", "k")).Code);
        Assert.Equal(HttpStatusCode.Created, (await host.Api.PostAsync(Path, """{"name":"a"}""", "k")).Status);
    }

    [Fact]
    public async Task After_a_failure_halfway_the_next_try_gets_the_same_id()
    {
        var things = new Things { FailuresLeft = 2 };
        await using var host = await StartAsync(things);
        Assert.Equal(10099, (await host.Api.PostAsync(Path, """{"name":"a"}""", "k")).Code);
        Assert.Equal(10099, (await host.Api.PostAsync(Path, """{"name":"a"}""", "k")).Code);
        var third = await host.Api.PostAsync(Path, """{"name":"a"}""", "k");
        Assert.Equal(HttpStatusCode.Created, third.Status);
        Assert.Equal([third.String("id"), third.String("id"), third.String("id")], things.Ids);
    }

    [Fact]
    public async Task After_a_call_that_was_broken_off_halfway_the_next_try_gets_the_same_id()
    {
        var things = new Things { FailuresLeft = 1, Failure = new ApiException(ErrorCodes.Cancelled) };
        await using var host = await StartAsync(things);
        Assert.Equal(10019, (await host.Api.PostAsync(Path, """{"name":"a"}""", "k")).Code);
        var second = await host.Api.PostAsync(Path, """{"name":"a"}""", "k");
        Assert.Equal(HttpStatusCode.Created, second.Status);
        Assert.Equal([second.String("id"), second.String("id")], things.Ids);
    }

    [Fact]
    public async Task A_caller_who_goes_away_does_not_block_the_key()
    {
        var things = new Things { Gate = new TaskCompletionSource() };
        await using var host = await StartAsync(things);
        using var gone = new CancellationTokenSource();
        var request = new HttpRequestMessage(HttpMethod.Post, Path)
        {
            Content = new StringContent("""{"name":"a"}""", null, "application/json"),
        };
        request.Headers.Add("Idempotency-Key", "k");
        var first = host.Http.SendAsync(request, gone.Token);
        await things.Entered.Task.WaitAsync(TimeSpan.FromSeconds(30));
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        await things.Left.Task.WaitAsync(TimeSpan.FromSeconds(30));
        things.Gate.SetResult();
        // The server lets the key go just after the handler left; until then the key is in progress, never refused.
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        ApiAnswer second;
        while ((second = await host.Api.PostAsync(Path, """{"name":"a"}""", "k")).Code == 10018)
            await Task.Delay(5, limit.Token);
        Assert.Equal(HttpStatusCode.Created, second.Status);
    }

    [Theory]
    [InlineData("with space")]
    [InlineData("")]
    public async Task A_key_that_is_none_is_refused(string key)
    {
        await using var host = await StartAsync(new Things());
        var request = new HttpRequestMessage(HttpMethod.Post, Path)
        {
            Content = new StringContent("""{"name":"a"}""", null, "application/json"),
        };
        request.Headers.TryAddWithoutValidation("Idempotency-Key", key);
        var answer = await host.Api.SendAsync(request);
        Assert.Equal((HttpStatusCode.BadRequest, 10001), (answer.Status, answer.Code));
        Assert.StartsWith("Idempotency-Key: ", answer.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_is_taken_to_its_longest_and_refused_beyond()
    {
        await using var host = await StartAsync(new Things());
        var longest = new string('k', 200);
        Assert.Equal(0, (await host.Api.PostAsync(Path, """{"name":"a"}""", longest)).Code);
        Assert.Equal(10001, (await host.Api.PostAsync(Path, """{"name":"a"}""", longest + "k")).Code);
    }

    private static Task<CoreHost> StartAsync(Things things) =>
        CoreHost.StartAsync(new CoreHostOptions
        {
            Map = app => app.MapPost(Path, things.CreateAsync).WithIdempotency(),
        });

    private sealed record Body(string Name);

    private sealed class Things
    {
        public List<string> Ids { get; } = [];

        public TaskCompletionSource? Gate { get; init; }

        public TaskCompletionSource Entered { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Left { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int FailuresLeft { get; set; }

        public Exception Failure { get; init; } = new InvalidOperationException("the power went");

        public async Task<IResult> CreateAsync(
            HttpContext context, TimeProvider time, CancellationToken cancellation)
        {
            var body = await JsonBody.ReadAsync<Body>(context, cancellation);
            var id = context.NewRowId(time);
            Ids.Add(id);
            Entered.TrySetResult();
            try
            {
                if (Gate is not null) await Gate.Task.WaitAsync(cancellation);
            }
            finally
            {
                Left.TrySetResult();
            }

            if (FailuresLeft-- > 0) throw Failure;
            return Envelope.Created(new { Id = id, body.Name });
        }
    }
}
