using Taishang.Ai.Inference;
using Taishang.Ai.Models;
using Taishang.Ai.Remote;
using Taishang.Contracts.Ai.V1;

namespace Taishang.Ai.Rpc;

/// <summary>
/// Tests a registration by using the model: an embedding model embeds, a classifier classifies, and a model of bare
/// tensors is loaded, for nobody knows what to feed it. Which of them it is, <c>config.task</c> says; without it the
/// model is tried as an embedding model first. A model of another worker is tested by that one.
/// </summary>
internal sealed class ModelTest(
    EmbeddingModels embeddings, InferenceModels inference, ChatModels chats, RemoteProvider remote, TimeProvider time)
{
    private const string EmbeddingKind = "embedding";
    private const string ClassificationKind = "classification";
    private const string TensorsKind = "tensors";
    private const string ChatKind = "chat";
    private const string OnnxProviderName = "onnx";
    private const string OpenAiProviderName = "openai";
    private const string ChecksumPrefix = "sha256:";
    private static readonly byte[] ChatProbe =
        """{"messages":[{"role":"user","content":"Answer with the one word: ready"}]}"""u8.ToArray();

    private static readonly string[] Probe = ["The quick test of a model. 模型的快速测试。"];

    /// <summary>Never fails for a model that does not work: that is its answer.</summary>
    public async Task<TestModelResponse> RunAsync(ModelReference reference, CancellationToken cancellation)
    {
        string task;
        try
        {
            task = ModelConfig.Parse(reference).Text("task", "");
        }
        catch (ModelException e)
        {
            return new TestModelResponse { Reason = e.Message };
        }

        if (reference.Provider == RemoteProvider.ProviderName) return await AskRemoteAsync(reference, cancellation);
        return task switch
        {
            "" => await FindOutAsync(reference, cancellation),
            EmbeddingKind => Report(await embeddings.TestAsync(reference, cancellation)),
            ClassificationKind or TensorsKind => await InferAsync(reference, task, cancellation),
            ChatKind => await ChatAsync(reference, cancellation),
            _ => new TestModelResponse
            {
                Reason = $"config.task: {EmbeddingKind}, {ClassificationKind}, {TensorsKind} or {ChatKind} is "
                    + $"expected, '{task}' came.",
            },
        };
    }

    private async Task<TestModelResponse> FindOutAsync(ModelReference reference, CancellationToken cancellation)
    {
        var report = await embeddings.TestAsync(reference, cancellation);
        // Loaded, but not made for text: whatever else an ONNX file is good for, tensors it takes.
        var isOtherKind = report.Error is ModelErrorKind.LoadFailed or ModelErrorKind.FileMissing
            && reference.Provider == OnnxProviderName;
        // A service refuses a chat model where vectors are asked for, as it does a name that it does not have.
        var isChat = report.Error is ModelErrorKind.UnknownModel or ModelErrorKind.InvalidInput
            && reference.Provider == OpenAiProviderName;
        if (isChat && await ChatAsync(reference, cancellation) is { Passed: true } chat) return chat;
        if (!isOtherKind) return Report(report);
        var other = await InferAsync(reference, TensorsKind, cancellation);
        return other.Passed ? other : Report(report);
    }

    private async Task<TestModelResponse> InferAsync(
        ModelReference reference, string kind, CancellationToken cancellation)
    {
        try
        {
            using var lease = await inference.AcquireAsync(reference, cancellation);
            await inference.VerifyAsync(reference, cancellation);
            var started = time.GetTimestamp();
            var seen = kind == ClassificationKind ? await lease.Value.ClassifyAsync(Probe, cancellation) : null;
            var answer = new TestModelResponse
            {
                Passed = true,
                Kind = kind,
                LatencyMs = time.GetElapsedTime(started).TotalMilliseconds,
                Checksum = Hex(lease.Value.Checksum),
            };
            if (seen is not null)
                answer.Labels.AddRange(seen.Texts[0].Select(label => label.Label).Order(StringComparer.Ordinal));
            return answer;
        }
        catch (ModelException e)
        {
            return new TestModelResponse { Kind = kind, Reason = e.Message };
        }
    }

    private async Task<TestModelResponse> ChatAsync(ModelReference reference, CancellationToken cancellation)
    {
        try
        {
            var started = time.GetTimestamp();
            await chats.ChatAsync(
                reference, new ChatCall(ChatProbe, Stream: false), _ => Task.CompletedTask, cancellation);
            var latencyMs = time.GetElapsedTime(started).TotalMilliseconds;
            return new TestModelResponse { Passed = true, Kind = ChatKind, LatencyMs = latencyMs };
        }
        catch (ModelException e)
        {
            return new TestModelResponse { Kind = ChatKind, Reason = e.Message };
        }
    }

    private async Task<TestModelResponse> AskRemoteAsync(ModelReference reference, CancellationToken cancellation)
    {
        try
        {
            return await remote.TestAsync(reference, cancellation);
        }
        catch (ModelException e)
        {
            return new TestModelResponse { Reason = e.Message };
        }
    }

    private static TestModelResponse Report(ModelTestReport report)
    {
        var answer = new TestModelResponse
        {
            Passed = report.Passed,
            Reason = report.Reason,
            Kind = EmbeddingKind,
            Dims = report.Dimensions,
            LatencyMs = report.LatencyMs,
            Checksum = Hex(report.Checksum),
            MaxTokens = report.MaxTokens,
        };
        if (report.Passed) answer.Normalized = report.Normalized;
        return answer;
    }

    private static string Hex(string checksum) =>
        checksum.StartsWith(ChecksumPrefix, StringComparison.Ordinal) ? checksum[ChecksumPrefix.Length..] : checksum;
}
