using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;
using Taishang.Ai.Models;
using Taishang.Testing.Processes;

namespace Taishang.Ai.Tests.Models;

public sealed class OpenAiProviderTests
{
    private const string Secret = "sk-very-secret-key";

    [Fact]
    public async Task Texts_are_embedded_in_batches_and_come_back_in_their_order()
    {
        await using EmbeddingServer server = await EmbeddingServer.StartAsync();
        using EmbeddingModels models = Models();
        string[] texts = [.. Enumerable.Range(1, 25).Select(n => new string('x', n))];

        (EmbeddingModelInfo model, EmbeddingBatch batch) = await models.EmbedAsync(
            Reference(server, $$"""{"api_key":"{{Secret}}","batch_size":10,"model":"their-name"}"""), texts, default);

        Assert.Equal(("openai", "their-name", 3), (model.Provider, model.Name, model.Dimensions));
        Assert.Equal(
            texts.Select(text => (float)text.Length), Enumerable.Range(0, 25).Select(row => batch[row].Span[0]));
        // The probe comes first; batches side by side arrive as they like.
        Assert.Equal([1, 5, 10, 10], [server.BatchSizes[0], .. server.BatchSizes.Skip(1).Order()]);
        Assert.Equal(25, batch.TotalTokens);
        Assert.All(server.Authorizations, header => Assert.Equal("Bearer " + Secret, header));
    }

    [Theory]
    [InlineData(401, nameof(ModelErrorKind.UpstreamUnauthorized), false)]
    [InlineData(403, nameof(ModelErrorKind.UpstreamUnauthorized), false)]
    [InlineData(404, nameof(ModelErrorKind.UnknownModel), false)]
    [InlineData(400, nameof(ModelErrorKind.InvalidInput), false)]
    [InlineData(429, nameof(ModelErrorKind.UpstreamLimited), true)]
    [InlineData(500, nameof(ModelErrorKind.UpstreamFailed), true)]
    [InlineData(503, nameof(ModelErrorKind.UpstreamFailed), true)]
    [InlineData(504, nameof(ModelErrorKind.UpstreamTimeout), true)]
    [InlineData(302, nameof(ModelErrorKind.UpstreamFailed), true)]
    public async Task Each_status_has_its_kind_and_never_tells_the_secret(int status, string kind, bool retriable)
    {
        ModelException failure = await FailureAsync(async context =>
        {
            context.Response.StatusCode = status;
            context.Response.Headers.RetryAfter = "7";
            await context.Response.WriteAsync($"you sent {Secret}, which is wrong");
        });
        Assert.Equal(kind, failure.Kind.ToString());
        Assert.Equal(retriable, failure.Retriable);
        Assert.Equal(TimeSpan.FromSeconds(7), failure.RetryAfter);
        Assert.Contains(status.ToString(), failure.Message, StringComparison.Ordinal);
        Assert.Contains("which is wrong", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, failure.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("""{"data":[]}""")]
    [InlineData("""{"data":[null]}""")]
    [InlineData("""{"data":[{"index":0,"embedding":[]}]}""")]
    [InlineData("""{"data":[{"index":1,"embedding":[1,2]}]}""")]
    [InlineData("""{"data":[{"index":0,"embedding":[1e40]}]}""")]
    [InlineData("""{"data":[{"index":0,"embedding":["a"]}]}""")]
    [InlineData("""{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}""")]
    public async Task An_answer_that_makes_no_sense_is_an_upstream_failure(string body)
    {
        ModelException failure = await FailureAsync(context =>
        {
            context.Response.ContentType = "application/json";
            return context.Response.WriteAsync(body);
        });
        Assert.Equal(ModelErrorKind.UpstreamFailed, failure.Kind);
    }

    [Fact]
    public async Task An_answer_without_end_is_not_read_beyond_its_limit()
    {
        ModelException failure = await FailureAsync(
            async context =>
            {
                byte[] block = new byte[8_192];
                for (int sent = 0; sent < 64 && !context.RequestAborted.IsCancellationRequested; sent++)
                    await context.Response.Body.WriteAsync(block, context.RequestAborted);
            },
            options => options.MaxRemoteResponseBytes = 10_000);
        Assert.Equal(ModelErrorKind.UpstreamFailed, failure.Kind);
        Assert.Contains("10000 bytes", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_service_that_does_not_answer_is_a_timeout()
    {
        ModelException failure = await FailureAsync(
            context => Task.Delay(Timeout.InfiniteTimeSpan, context.RequestAborted)
                .ContinueWith(_ => { }, TaskScheduler.Default),
            options => options.RemoteTimeoutMs = 200);
        Assert.Equal(ModelErrorKind.UpstreamTimeout, failure.Kind);
    }

    [Fact]
    public async Task A_service_that_is_not_there_is_an_upstream_failure_and_the_model_test_says_so()
    {
        string endpoint = $"http://127.0.0.1:{LoopbackPort.Free()}/v1";
        using EmbeddingModels models = Models();
        ModelTestReport report = await models.TestAsync(new ModelReference("openai", "m", "1.0.0", endpoint), default);
        Assert.False(report.Passed);
        Assert.Equal(ModelErrorKind.UpstreamFailed, report.Error);
    }

    [Theory]
    [InlineData("http://10.0.0.1/v1")]
    [InlineData("http://169.254.169.254/latest")]
    [InlineData("http://[fd00:ec2::254]/latest")]
    [InlineData("http://[::ffff:169.254.169.254]/latest")]
    [InlineData("http://2852039166/")]
    [InlineData("http://0.0.0.0/")]
    public async Task An_endpoint_that_may_not_be_reached_is_refused_before_it_is_connected(string endpoint)
    {
        using EmbeddingModels models = Models();
        ModelException refusal = await Assert.ThrowsAsync<ModelException>(async () =>
            await models.EmbedAsync(new ModelReference("openai", "m", "1.0.0", endpoint), ["x"], default));
        Assert.Equal(ModelErrorKind.EndpointRefused, refusal.Kind);
        Assert.False(refusal.Retriable);
    }

    [Theory]
    [InlineData("")]
    [InlineData("ftp://127.0.0.1/")]
    [InlineData("file:///etc/passwd")]
    [InlineData("http://user:pass@127.0.0.1/")]
    [InlineData("http://127.0.0.1/?a=b")]
    [InlineData("nonsense")]
    public async Task An_endpoint_of_the_wrong_form_is_refused(string endpoint)
    {
        using EmbeddingModels models = Models();
        ModelException refusal = await Assert.ThrowsAsync<ModelException>(async () =>
            await models.EmbedAsync(new ModelReference("openai", "m", "1.0.0", endpoint), ["x"], default));
        Assert.Equal(ModelErrorKind.InvalidConfig, refusal.Kind);
    }

    [Fact]
    public async Task A_name_is_judged_by_the_addresses_that_it_leads_to()
    {
        await using EmbeddingServer server = await EmbeddingServer.StartAsync();
        string endpoint = server.Endpoint.Replace("127.0.0.1", "model.test", StringComparison.Ordinal);
        IPAddress[] answer = [IPAddress.Parse("192.168.1.1")];
        using EmbeddingModels models = Models(resolver: (_, _) => Task.FromResult(answer));
        var reference = new ModelReference("openai", "m", "1.0.0", endpoint);
        ModelTestReport inside = await models.TestAsync(reference, default);
        Assert.Equal(ModelErrorKind.EndpointRefused, inside.Error);
        Assert.Contains("model.test", inside.Reason, StringComparison.Ordinal);

        answer = [IPAddress.Parse("192.168.1.1"), IPAddress.Loopback];
        Assert.True((await models.TestAsync(reference, default)).Passed);
    }

    [Theory]
    [InlineData("http://169.254.169.254/")]
    [InlineData("http://10.1.2.3/")]
    public async Task A_redirect_is_checked_like_the_endpoint(string target)
    {
        ModelException refusal = await FailureAsync(context =>
        {
            context.Response.Redirect(target, permanent: false, preserveMethod: true);
            return Task.CompletedTask;
        });
        Assert.Equal(ModelErrorKind.EndpointRefused, refusal.Kind);
    }

    [Fact]
    public async Task A_redirect_is_followed_without_the_secret_and_not_for_ever()
    {
        await using EmbeddingServer target = await EmbeddingServer.StartAsync();
        await using EmbeddingServer server = await EmbeddingServer.StartAsync();
        server.Instead = context =>
        {
            context.Response.Redirect(target.Endpoint + "/embeddings", permanent: false, preserveMethod: true);
            return Task.CompletedTask;
        };
        using EmbeddingModels models = Models();
        await models.EmbedAsync(Reference(server, $$"""{"api_key":"{{Secret}}"}"""), ["x"], default);
        Assert.All(server.Authorizations, header => Assert.Equal("Bearer " + Secret, header));
        Assert.All(target.Authorizations, header => Assert.Equal("", header));

        ModelException endless = await FailureAsync(context =>
        {
            context.Response.Redirect(context.Request.Path, permanent: false, preserveMethod: true);
            return Task.CompletedTask;
        });
        Assert.Equal(ModelErrorKind.UpstreamFailed, endless.Kind);
    }

    [Fact]
    public async Task A_secret_that_would_write_headers_of_its_own_is_refused()
    {
        await using EmbeddingServer server = await EmbeddingServer.StartAsync();
        using EmbeddingModels models = Models();
        ModelException refusal = await Assert.ThrowsAsync<ModelException>(async () =>
            await models.EmbedAsync(Reference(server, """{"api_key":"a\r\nX-Other: b"}"""), ["x"], default));
        Assert.Equal(ModelErrorKind.InvalidConfig, refusal.Kind);
    }

    private static async Task<ModelException> FailureAsync(
        Func<HttpContext, Task> answer, Action<ModelOptions>? configure = null)
    {
        await using EmbeddingServer server = await EmbeddingServer.StartAsync();
        server.Instead = answer;
        using EmbeddingModels models = Models(configure);
        return await Assert.ThrowsAsync<ModelException>(async () =>
            await models.EmbedAsync(Reference(server, $$"""{"api_key":"{{Secret}}"}"""), ["x"], default));
    }

    private static ModelReference Reference(EmbeddingServer server, string config) =>
        new("openai", "registered", "1.0.0", server.Endpoint, config);

    private static EmbeddingModels Models(Action<ModelOptions>? configure = null, HostResolver? resolver = null)
    {
        var options = new ModelOptions();
        configure?.Invoke(options);
        var provider = new OpenAiProvider(options, TimeProvider.System, resolver, ToLoopbackAloneAsync);
        return new EmbeddingModels(options, [provider], TimeProvider.System);
    }

    // A rule that failed must show as a failed test, not as a connection to the address that it let pass.
    private static async Task<Stream> ToLoopbackAloneAsync(IPAddress[] addresses, int port, CancellationToken cancel)
    {
        Assert.All(addresses, address => Assert.True(IPAddress.IsLoopback(address), $"{address} was let pass."));
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(addresses, port, cancel);
        return new NetworkStream(socket, ownsSocket: true);
    }
}
