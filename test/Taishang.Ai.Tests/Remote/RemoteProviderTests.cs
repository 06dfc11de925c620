using System.Text.Json;
using Google.Protobuf;
using Grpc.Core;
using Taishang.Ai.Rpc;
using Taishang.Ai.Tests.Inference;
using Taishang.Ai.Tests.Models;
using Taishang.Ai.Tests.Rpc;
using Taishang.Contracts.Ai.V1;
using Taishang.Testing.Models;
using Taishang.Testing.Processes;

namespace Taishang.Ai.Tests.Remote;

/// <summary>One worker in front of another, both with a real Kestrel.</summary>
public sealed class RemoteProviderTests : IDisposable
{
    private const string Builtin = """{"provider":"builtin","model":"taishang-embed"}""";

    private readonly TestFolder _near = new();
    private readonly TestFolder _far = new();

    public void Dispose()
    {
        _near.Dispose();
        _far.Dispose();
    }

    [Fact]
    public async Task Embeddings_are_those_of_the_other_worker()
    {
        await using var far = await WorkerHost.StartAsync(_far.Path);
        await using var near = await WorkerHost.StartAsync(_near.Path);
        var there = await EmbedAsync(far, new ModelSpec { Name = "taishang-embed", Provider = "builtin" }, "a red fox");
        var here = await EmbedAsync(near, Remote(far, Builtin), "a red fox");
        Assert.Equal(there.Embeddings, here.Embeddings);
        Assert.Equal((there.Dims, there.Tokens), (here.Dims, here.Tokens));
        Assert.True(here.ModelMs > 0);
    }

    [Fact]
    public async Task Inference_and_tests_are_the_other_workers()
    {
        var folder = Directory.CreateDirectory(Path.Combine(_far.Path, "models", "adder")).FullName;
        await File.WriteAllBytesAsync(Path.Combine(folder, "model.onnx"), new TinyOnnx()
            .Input("x", TinyOnnx.Float, -1, 2).Input("y", TinyOnnx.Float, -1, 2)
            .Node("Add", ["x", "y"], "sum").Output("sum", TinyOnnx.Float, -1, 2).ToBytes());
        await using var far = await WorkerHost.StartAsync(_far.Path);
        await using var near = await WorkerHost.StartAsync(_near.Path);
        var model = Remote(far, """{"provider":"onnx","model":"adder"}""");
        var answer = await near.Client.InferenceModelAsync(new InferenceModelRequest
        {
            Model = model,
            Tensors = new TensorInput { Tensors = { Floats("x", 1, 2), Floats("y", 10, 20) } },
        });
        Assert.Equal([11f, 22f], Assert.Single(answer.Tensors).Floats);
        var test = await near.Client.TestModelAsync(new TestModelRequest { Model = model });
        Assert.True(test.Passed, test.Reason);
        Assert.Equal("tensors", test.Kind);
        Assert.Matches("^[0-9a-f]{64}$", test.Checksum);
    }

    [Fact]
    public async Task Chats_go_through_piece_by_piece()
    {
        await using var service = await EmbeddingServer.StartAsync();
        service.Instead = context => OpenAiWorld.EventsAsync(
            context, OpenAiWorld.Chunk("We"), OpenAiWorld.Chunk("ll.", "stop"), "[DONE]");
        await using var far = await WorkerHost.StartAsync(_far.Path);
        await using var near = await WorkerHost.StartAsync(_near.Path);
        using var call = near.Client.Chat(new ChatRequest
        {
            Model = Remote(far, $$"""{"provider":"openai","model":"m","endpoint":"{{service.Endpoint}}"}"""),
            BodyJson = ByteString.CopyFromUtf8("""{"messages":[{"role":"user","content":"x"}]}"""),
            Stream = true,
        });
        var events = new List<ChatEvent>();
        await foreach (var piece in call.ResponseStream.ReadAllAsync()) events.Add(piece);
        Assert.Equal([OpenAiWorld.Chunk("We"), OpenAiWorld.Chunk("ll.", "stop")],
            events.SkipLast(1).Select(piece => piece.ChunkJson.ToStringUtf8()));
        Assert.Equal("stop", events[^1].Summary.FinishReason);
    }

    [Fact]
    public async Task What_the_other_worker_refuses_keeps_its_code_its_field_and_its_wait()
    {
        await using var service = await EmbeddingServer.StartAsync();
        await using var far = await WorkerHost.StartAsync(_far.Path);
        await using var near = await WorkerHost.StartAsync(_near.Path);
        await Refusal.ExpectAsync(
            ErrorCode.ModelNotLoaded, "model",
            () => EmbedAsync(near, Remote(far, """{"provider":"builtin","model":"absent"}"""), "x"));
        await Refusal.ExpectAsync(
            ErrorCode.ModelEndpointForbidden, "model",
            () => EmbedAsync(near, Remote(
                far, """{"provider":"openai","model":"m","endpoint":"http://169.254.169.254/v1"}"""), "x"));
        var model = Remote(far, $$"""{"provider":"openai","model":"m","endpoint":"{{service.Endpoint}}"}""");
        await EmbedAsync(near, model, "x");
        service.Instead = context =>
        {
            context.Response.StatusCode = 429;
            context.Response.Headers.RetryAfter = "3";
            return Task.CompletedTask;
        };
        var limited = await Refusal.ExpectAsync(
            ErrorCode.ModelUpstreamLimited, "model", () => EmbedAsync(near, model, "x"));
        Assert.Equal("3000", limited.Trailers.GetValue(WorkerErrors.RetryAfterTrailer));
        await Refusal.ExpectAsync(
            ErrorCode.ModelInputInvalid, "texts[1]", () => EmbedAsync(near, model, "x", " "));
    }

    [Fact]
    public async Task A_worker_that_may_not_be_reached_or_is_not_there_is_said_to_be_so()
    {
        await using var near = await WorkerHost.StartAsync(_near.Path);
        async Task RefusedAsync(ErrorCode code, string endpoint) =>
            await Refusal.ExpectAsync(code, "model", () => EmbedAsync(near, Remote(endpoint, Builtin), "x"));

        await RefusedAsync(ErrorCode.ModelEndpointForbidden, "http://169.254.169.254");
        await RefusedAsync(ErrorCode.ModelEndpointForbidden, "http://10.0.0.1:8081");
        await RefusedAsync(ErrorCode.InvalidArgument, "");
        await RefusedAsync(ErrorCode.InvalidArgument, "ftp://127.0.0.1");
        await RefusedAsync(ErrorCode.ModelUpstreamFailed, $"http://127.0.0.1:{LoopbackPort.Free()}");
        await Refusal.ExpectAsync(ErrorCode.InvalidArgument, "model", () => EmbedAsync(
            near, new ModelSpec { Name = "m", Provider = "remote", Endpoint = "http://127.0.0.1:1" }, "x"));
    }

    [Fact]
    public async Task A_call_that_passed_too_many_workers_is_refused()
    {
        await using var far = await WorkerHost.StartAsync(_far.Path);
        await using var near = await WorkerHost.StartAsync(_near.Path);
        var once = Nested(far, Builtin);
        var twice = Nested(near, once);
        Assert.Equal(1024, (await EmbedAsync(near, Remote(far, Builtin), "x")).Dims);
        Assert.Equal(1024, (await EmbedAsync(near, Remote(near, once), "x")).Dims);
        var refusal = await Refusal.ExpectAsync(
            ErrorCode.InvalidArgument, "model", () => EmbedAsync(near, Remote(far, twice), "x"));
        Assert.Contains("lead back", refusal.Status.Detail);
    }

    private static string Nested(WorkerHost worker, string target) =>
        $$$"""{"provider":"remote","model":"m","endpoint":"{{{worker.Address}}}","config":{"target":{{{target}}} } }""";

    private static ModelSpec Remote(WorkerHost worker, string target) => Remote(worker.Address, target);

    private static ModelSpec Remote(string endpoint, string target) => new()
    {
        Name = "m",
        Provider = "remote",
        Endpoint = endpoint,
        ConfigJson = JsonSerializer.Serialize(new { target = JsonDocument.Parse(target).RootElement }),
    };

    private static Tensor Floats(string name, params float[] values) => new()
    {
        Name = name,
        Type = TensorType.Float32,
        Shape = { 1, values.Length },
        Floats = { values },
    };

    private static async Task<ComputeEmbeddingResponse> EmbedAsync(
        WorkerHost worker, ModelSpec model, params string[] texts) => await worker.Client.ComputeEmbeddingAsync(
            new ComputeEmbeddingRequest { Model = model, Texts = { texts } });
}
