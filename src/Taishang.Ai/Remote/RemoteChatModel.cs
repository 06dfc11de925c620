using Google.Protobuf;
using Grpc.Core;
using Taishang.Ai.Models;
using Taishang.Contracts.Ai.V1;

namespace Taishang.Ai.Remote;

/// <summary>A chat model of another worker: the pieces of its answer go on as they come. Takes over the
/// lease.</summary>
internal sealed class RemoteChatModel(ModelLease<RemoteConnection> lease) : IChatModel
{
    public async Task<ChatOutcome> ChatAsync(ChatCall call, ChatSink send, CancellationToken cancellationToken)
    {
        RemoteConnection connection = lease.Value;
        using var late = new CancellationTokenSource(Timeout.InfiniteTimeSpan, connection.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        var request = new ChatRequest
        {
            Model = connection.Target.Spec,
            BodyJson = UnsafeByteOperations.UnsafeWrap(call.Body),
            Stream = call.Stream,
        };
        var options = new CallOptions(connection.Headers(), cancellationToken: either.Token);
        // Disposing the call breaks it off, wherever this method is left.
        using AsyncServerStreamingCall<ChatEvent> answer = connection.Client.Chat(request, options);
        while (true)
        {
            late.CancelAfter(TimeSpan.FromMilliseconds(connection.Target.TimeoutMs));
            try
            {
                if (!await answer.ResponseStream.MoveNext(either.Token)) break;
            }
            catch (RpcException failure)
            {
                cancellationToken.ThrowIfCancellationRequested();
                throw late.IsCancellationRequested
                    ? RemoteFailures.Late(connection.Target, failure)
                    : RemoteFailures.Of(failure, connection.Target);
            }
            late.CancelAfter(Timeout.InfiniteTimeSpan);
            switch (answer.ResponseStream.Current)
            {
                case { EventCase: ChatEvent.EventOneofCase.ChunkJson } chunk:
                    await send(chunk.ChunkJson.Memory);
                    break;
                case { EventCase: ChatEvent.EventOneofCase.CompletionJson } whole:
                    await send(whole.CompletionJson.Memory);
                    break;
                case { EventCase: ChatEvent.EventOneofCase.Summary } last:
                    return ToOutcome(last.Summary);
            }
        }
        throw new ModelException(
            ModelErrorKind.UpstreamFailed, "The other worker's answer ended without its last event.");
    }

    public void Dispose() => lease.Dispose();

    private static ChatOutcome ToOutcome(ChatSummary summary) => new(
        summary.PromptTokens, summary.CompletionTokens, summary.FinishReason, summary.UsageEstimated, summary.ModelMs);
}
