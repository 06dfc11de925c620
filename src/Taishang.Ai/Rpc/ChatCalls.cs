using Google.Protobuf;
using Grpc.Core;
using Taishang.Ai.Models;
using Taishang.Contracts.Ai.V1;

namespace Taishang.Ai.Rpc;

/// <summary>Chat completions, whole or piece by piece.</summary>
internal sealed class ChatCalls(ChatModels models, AiMetrics metrics, TimeProvider time, RpcOptions options)
{
    /// <summary>Tags and lengths around the JSON.</summary>
    private const int EnvelopeBytes = 64;

    public async Task ChatAsync(
        ChatRequest request, IServerStreamWriter<ChatEvent> events, CancellationToken cancellation)
    {
        var reference = ModelCalls.Reference(request.Model);
        using var activity = AiMetrics.Source.StartActivity("model.chat");
        activity?.SetTag("model", reference.ToString()).SetTag("stream", request.Stream);
        var started = time.GetTimestamp();
        var call = new ChatCall(request.BodyJson.Memory, request.Stream);
        var outcome = await models.ChatAsync(reference, call, SendAsync, cancellation);
        var tokens = outcome.PromptTokens + outcome.CompletionTokens;
        metrics.Chat(reference.Provider, reference.Name, tokens, time.GetElapsedTime(started));
        await events.WriteAsync(new ChatEvent { Summary = ToWire(outcome) }, cancellation);

        Task SendAsync(ReadOnlyMemory<byte> json)
        {
            if (json.Length > options.SendBytesMax - EnvelopeBytes)
                throw new WorkerException(
                    ErrorCode.ModelUpstreamFailed,
                    $"the model's answer has {json.Length} bytes, a message holds {options.SendBytesMax}", "model");
            // The memory is the model's own only until the write is over, which is what is waited for.
            var piece = UnsafeByteOperations.UnsafeWrap(json);
            return events.WriteAsync(
                request.Stream ? new ChatEvent { ChunkJson = piece } : new ChatEvent { CompletionJson = piece },
                cancellation);
        }
    }

    private static ChatSummary ToWire(ChatOutcome outcome) => new()
    {
        PromptTokens = outcome.PromptTokens,
        CompletionTokens = outcome.CompletionTokens,
        FinishReason = outcome.FinishReason,
        UsageEstimated = outcome.UsageEstimated,
        ModelMs = outcome.ModelMs,
    };
}
